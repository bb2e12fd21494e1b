-- Producers that run side by side share the websites: each website is in one of 256 shards, and each shard is one
-- producer's. A slot of a website is a time at which it is due.
CREATE TABLE producer (
    producer_id uuid                     NOT NULL,
    name        character varying        NOT NULL,          -- host and process, for people
    until       timestamp with time zone NOT NULL,          -- of this database's clock: from then on it counts as dead
    slots_until timestamp with time zone NOT NULL,          -- of its own clock: without news it starts no later slot
    CONSTRAINT producer_pkey PRIMARY KEY (producer_id)
);

CREATE TABLE producer_lease (
    shard       smallint                 NOT NULL CHECK (shard BETWEEN 0 AND 255),
    holder      uuid,                                       -- NULL: free
    slots_after timestamp with time zone NOT NULL,          -- the (next) holder's slots; earlier ones were somebody else's
    previous    character varying,                          -- name of who held it before, for people
    CONSTRAINT producer_lease_pkey PRIMARY KEY (shard),
    CONSTRAINT producer_lease_holder_fkey FOREIGN KEY (holder) REFERENCES producer ON DELETE SET NULL
);
INSERT INTO producer_lease (shard, slots_after) SELECT shard, '1970-01-01 00:00:00+00' FROM generate_series(0, 255) AS shard;

-- The first byte of another hash than those of the phases and of Kafka's partitions; src/shard.ts has the same.
CREATE FUNCTION website_shard(website_id uuid) RETURNS smallint
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT get_byte(sha512(uuid_send($1)), 0)::smallint $$;

-- They belong to whom check_entry belongs to, and whoever may write it may write these.
DO $$
DECLARE
    owner name := (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'check_entry'::regclass);
    made text;
    role text;
    privileges text;
BEGIN
    IF owner <> current_user THEN
        EXECUTE format('ALTER FUNCTION website_shard(uuid) OWNER TO %I', owner);
    END IF;
    FOREACH made IN ARRAY ARRAY['producer', 'producer_lease'] LOOP
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
