-- webmon's tables, PostgreSQL 14 to 18. Names and types of the original's columns are fixed.
-- In a database that the original filled, src/database/upgrade renames its check_entry before this file runs, and makes
-- it the oldest partition of the new one afterwards; its website is kept and completed here.

CREATE TABLE webmon_migration (
    version integer                  NOT NULL,
    name    character varying        NOT NULL,
    applied timestamp with time zone NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT webmon_migration_pkey PRIMARY KEY (version)
);

CREATE TABLE IF NOT EXISTS website (                 -- the original's six columns
    website_id  uuid                     NOT NULL DEFAULT gen_random_uuid(),
    name        character varying        NOT NULL,
    url         character varying        NOT NULL,
    regex       character varying        NOT NULL,   -- as Python's re.search takes it; '' matches everything
    status      character varying        NOT NULL,   -- unknown, active, unavailable: what the newest entry says
    "timestamp" timestamp with time zone NOT NULL DEFAULT CURRENT_TIMESTAMP,  -- when it was added
    CONSTRAINT website_pkey PRIMARY KEY (website_id)
);
-- New ones, and NULL in any of them means the configured default. No IF NOT EXISTS: a column of this name that somebody
-- else added means something else, and stops the upgrade.
ALTER TABLE website
    ALTER COLUMN regex  SET DEFAULT '',
    ALTER COLUMN status SET DEFAULT 'unknown',
    ADD COLUMN enabled             boolean NOT NULL DEFAULT true,
    ADD COLUMN interval            integer CHECK (interval BETWEEN 1 AND 86400),     -- seconds
    ADD COLUMN timeout             integer CHECK (timeout BETWEEN 1 AND 300),        -- seconds
    ADD COLUMN method              character varying
        CHECK (method IN ('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS')),
    ADD COLUMN headers             jsonb CHECK (jsonb_typeof(headers) = 'object'),   -- values are secrets
    ADD COLUMN body                character varying,
    ADD COLUMN expected_status     character varying                                 -- 200-299,401
        CHECK (expected_status ~ '^[1-9][0-9]{2}(-[1-9][0-9]{2})?(,[1-9][0-9]{2}(-[1-9][0-9]{2})?)*$'),
    ADD COLUMN follow_redirects    boolean,
    ADD COLUMN verify_certificate  boolean,
    ADD COLUMN tags                character varying[] NOT NULL DEFAULT '{}',
    ADD COLUMN silenced_until      timestamp with time zone,                         -- checks go on, alerts wait
    ADD COLUMN certificate_expires timestamp with time zone,                         -- these two by the consumer
    ADD COLUMN certificate_issuer  character varying;

-- One partition per UTC day, check_entry_20261124: src/database/partitions.ts makes them.
CREATE TABLE check_entry (                           -- the original's seven columns, then ours
    check_entry_id  uuid                     NOT NULL DEFAULT gen_random_uuid(),  -- the original's consumer relies on
    website_id      uuid                     NOT NULL,                            -- the defaults
    "timestamp"     timestamp with time zone NOT NULL DEFAULT CURRENT_TIMESTAMP,  -- start of the check
    response_time   integer                  NOT NULL,                            -- ms
    http_status     smallint                 NOT NULL,                            -- 0: no HTTP response
    regex           character varying        NOT NULL,
    regex_match     boolean                  NOT NULL DEFAULT false,
    error           character varying,                           -- NULL: a complete response
    detail          character varying,                           -- one sentence, 300 characters at most, no secrets
    available       boolean,                                     -- status, regex and error; NULL: stored by the original
    dns_time        integer,                                     -- the phases of the last request, in ms
    connect_time    integer,
    tls_time        integer,
    first_byte_time integer,
    body_time       integer,
    redirects       smallint,
    recheck         boolean                  NOT NULL DEFAULT false,  -- beside the slots: rollups leave it out
    suspect         boolean                  NOT NULL DEFAULT false,  -- the monitor's own network is in doubt
    final_url       character varying,                           -- no userinfo, no query; NULL: not redirected
    -- The only index. No foreign key to website: history outlives it.
    CONSTRAINT check_entry_pkey PRIMARY KEY (website_id, "timestamp", check_entry_id)
) PARTITION BY RANGE ("timestamp");

-- Messages that can never become a row.
CREATE TABLE dead_letter (
    topic       character varying        NOT NULL,
    partition   integer                  NOT NULL,
    "offset"    bigint                   NOT NULL,
    "timestamp" timestamp with time zone NOT NULL,   -- the record's: a topic made anew repeats its offsets
    key         bytea,
    value       bytea,
    reason      character varying        NOT NULL,
    stored      timestamp with time zone NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT dead_letter_pkey PRIMARY KEY (topic, partition, "offset", "timestamp")
);
