-- Times in which a website was unavailable, as the consumer decides from check_entry, and the alerts about them.
CREATE TABLE incident (
    incident_id    uuid                     NOT NULL DEFAULT gen_random_uuid(),
    website_id     uuid                     NOT NULL,      -- no foreign key: history outlives the website
    started        timestamp with time zone NOT NULL,      -- of the first failing entry
    check_entry_id uuid                     NOT NULL,      -- the first failing entry
    ended          timestamp with time zone,               -- of the first good entry; NULL: it is open
    cause          character varying        NOT NULL,      -- error, or 'http_status 503', or 'regex_match false'
    detail         character varying,                      -- of the first failing entry
    announced      boolean                  NOT NULL DEFAULT false,  -- alerts were made of it, as far as there are receivers
    retracted      boolean                  NOT NULL DEFAULT false,  -- announced, but a late entry showed that it was none
    closed         character varying,                      -- why it ended without a good entry: removed, disabled
    CONSTRAINT incident_pkey PRIMARY KEY (incident_id),
    CONSTRAINT incident_ended_check CHECK (ended >= started)
);
CREATE UNIQUE INDEX incident_open ON incident (website_id) WHERE ended IS NULL;
CREATE INDEX incident_website ON incident (website_id, started);
CREATE INDEX incident_ended ON incident (ended);

-- The outbox: written in the transaction that decides, sent afterwards, kept for 30 days.
CREATE TABLE alert (
    alert_id   uuid                     NOT NULL DEFAULT gen_random_uuid(),  -- the receiver's, to drop a repetition
    receiver   character varying        NOT NULL,          -- name in alerts.receivers
    kind       character varying        NOT NULL,          -- opened, open, resolved, certificate, network, monitor, recovered
    subject    uuid                     NOT NULL,          -- incident_id; else UUIDv5 of what it is about
    sequence   integer                  NOT NULL DEFAULT 0,  -- of repeats; days left for a certificate
    website_id uuid,                                       -- silenced_until of this one holds it back
    body       jsonb                    NOT NULL,
    created    timestamp with time zone NOT NULL DEFAULT CURRENT_TIMESTAMP,
    due        timestamp with time zone NOT NULL DEFAULT CURRENT_TIMESTAMP,  -- of the next attempt
    held       boolean                  NOT NULL DEFAULT false,  -- until due, because its website is silenced
    attempts   integer                  NOT NULL DEFAULT 0,
    tried      timestamp with time zone,                   -- the first attempt
    failure    character varying,                          -- of the last attempt
    sent       timestamp with time zone,
    given_up   timestamp with time zone,
    CONSTRAINT alert_pkey PRIMARY KEY (alert_id),
    CONSTRAINT alert_once UNIQUE (receiver, kind, subject, sequence)
);
CREATE INDEX alert_due ON alert (receiver, due) WHERE sent IS NULL AND given_up IS NULL;
CREATE INDEX alert_held ON alert (receiver) WHERE held;
CREATE INDEX alert_subject ON alert (subject);
CREATE INDEX alert_created ON alert (created);

-- They belong to whom check_entry belongs to, and whoever may write it may write these.
DO $$
DECLARE
    owner name := (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'check_entry'::regclass);
    made text;
    role text;
    privileges text;
BEGIN
    FOREACH made IN ARRAY ARRAY['incident', 'alert'] LOOP
        IF owner <> current_user THEN
            EXECUTE format('ALTER TABLE %I OWNER TO %I', made, owner);
        END IF;
        FOR role, privileges IN
            SELECT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END,
                   CASE WHEN bool_or(privilege_type = 'INSERT') THEN 'SELECT, INSERT, UPDATE, DELETE' ELSE 'SELECT' END
              FROM pg_class, aclexplode(relacl)
             WHERE oid = 'check_entry'::regclass AND grantee <> relowner AND privilege_type IN ('SELECT', 'INSERT')
             GROUP BY grantee
        LOOP
            EXECUTE format('GRANT %s ON %I TO %s', privileges, made, role);
        END LOOP;
    END LOOP;
END $$;
