-- Counts and times per website and hour, or day, of UTC. Partitions per month, check_hour_202611 and check_day_202611.
-- Every entry is counted once, in the transaction that stores it; rechecks are left out.
CREATE TABLE check_hour (
    website_id        uuid                     NOT NULL,
    hour              timestamp with time zone NOT NULL,
    checks            integer                  NOT NULL,
    failures          integer                  NOT NULL,   -- not available
    covered           integer                  NOT NULL,   -- seconds: each entry covers its website's interval
    responses         integer                  NOT NULL,   -- http_status > 0: what the times below are of, in ms
    response_time_sum bigint                   NOT NULL,
    response_time_min integer,
    response_time_max integer,
    histogram         integer[]                NOT NULL,   -- <=10,20,50,100,200,500,1000,2000,5000,10000 ms, more
    CONSTRAINT check_hour_pkey PRIMARY KEY (website_id, hour)
) PARTITION BY RANGE (hour);
-- Rows come in the order of time, so that this index of a few pages finds the hours of a day.
CREATE INDEX check_hour_hour_idx ON check_hour USING brin (hour) WITH (pages_per_range = 16, autosummarize = on);

-- From completed hours: those before rollup_state.closed.
CREATE TABLE check_day (
    website_id        uuid                     NOT NULL,
    day               date                     NOT NULL,
    checks            integer                  NOT NULL,
    failures          integer                  NOT NULL,
    covered           integer                  NOT NULL,
    responses         integer                  NOT NULL,
    response_time_sum bigint                   NOT NULL,
    response_time_min integer,
    response_time_max integer,
    histogram         integer[]                NOT NULL,
    CONSTRAINT check_day_pkey PRIMARY KEY (website_id, day)
) PARTITION BY RANGE (day);

CREATE TABLE rollup_state (
    only_row boolean                  NOT NULL DEFAULT true CHECK (only_row),
    closed   timestamp with time zone NOT NULL,            -- check_day holds the hours before this one
    CONSTRAINT rollup_state_pkey PRIMARY KEY (only_row)
);

-- Days of which an hour changed after its end: a late entry. Their check_day is made anew from check_hour.
CREATE TABLE stale_day (
    day date NOT NULL
);

-- Whoever owns check_entry owns these too, since its partitions and theirs are made and dropped together; and whoever
-- may write it may write these.
DO $$
DECLARE
    owner name := (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'check_entry'::regclass);
    rollup text;
    role text;
    privileges text;
BEGIN
    FOREACH rollup IN ARRAY ARRAY['check_hour', 'check_day', 'rollup_state', 'stale_day'] LOOP
        IF owner <> current_user THEN
            EXECUTE format('ALTER TABLE %I OWNER TO %I', rollup, owner);
        END IF;
        FOR role, privileges IN
            SELECT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END,
                   CASE WHEN bool_or(privilege_type = 'INSERT') THEN 'SELECT, INSERT, UPDATE, DELETE' ELSE 'SELECT' END
              FROM pg_class, aclexplode(relacl)
             WHERE oid = 'check_entry'::regclass AND grantee <> relowner AND privilege_type IN ('SELECT', 'INSERT')
             GROUP BY grantee
        LOOP
            EXECUTE format('GRANT %s ON %I TO %s', privileges, rollup, role);
        END LOOP;
    END LOOP;
END $$;
