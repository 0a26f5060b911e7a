-- Kill switches inside a PostgreSQL that holds an index of pgvector. Run as a superuser, any number of times:
--     psql --single-transaction -v ON_ERROR_STOP=1 -f postgres.sql
-- then one `guard` an index and one `add_scope` a segment and a tenant (see postgres.md). Everything is laid here,
-- before an incident: during it only rows of console_switch.state change, so nothing waits for a lock on a table.
-- A switch without a row is as provisioned: running.

CREATE EXTENSION IF NOT EXISTS vector;
CREATE SCHEMA IF NOT EXISTS console_switch;

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'console_owner') THEN
        CREATE ROLE console_owner NOLOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'console_switch') THEN
        CREATE ROLE console_switch LOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'console_probe') THEN
        CREATE ROLE console_probe LOGIN;
    END IF;
END
$$;

-- It owns the functions below and nobody signs in as it: it may end ingest sessions, and see whether a hidden row exists.
ALTER ROLE console_owner NOLOGIN BYPASSRLS;
GRANT pg_signal_backend TO console_owner;
GRANT USAGE ON SCHEMA console_switch TO PUBLIC;
-- A probe that hangs must not hold the index up.
ALTER ROLE console_probe SET idle_in_transaction_session_timeout = '90s';

CREATE TABLE IF NOT EXISTS console_switch.state (
    switch text NOT NULL,
    target text NOT NULL,
    state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'stopped')),
    generation bigint NOT NULL DEFAULT 0,
    command_id text NOT NULL DEFAULT '',
    set_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (switch, target)
);
-- What an index is made of; `probe_row` is the document that a probe tries to ingest and always rolls back; it
-- leaves out what the table fills in by itself, above all its key, or two probes would wait for each other.
CREATE TABLE IF NOT EXISTS console_switch.guarded (
    relation regclass PRIMARY KEY,
    target text NOT NULL,
    segment_column name NOT NULL,
    tenant_column name NOT NULL,
    probe_row jsonb NOT NULL
);
-- Which rows of which table a switch shuts: those whose segment or tenant column has the value.
CREATE TABLE IF NOT EXISTS console_switch.scope (
    switch text NOT NULL,
    target text NOT NULL,
    relation regclass NOT NULL REFERENCES console_switch.guarded,
    value text NOT NULL DEFAULT '',
    PRIMARY KEY (switch, target, relation)
);
ALTER SCHEMA console_switch OWNER TO console_owner;
ALTER TABLE console_switch.state OWNER TO console_owner;
ALTER TABLE console_switch.guarded OWNER TO console_owner;
ALTER TABLE console_switch.scope OWNER TO console_owner;

-- The refusal names who refuses: callers and probes read it from DETAIL, and trust it under this SQLSTATE alone.
CREATE OR REPLACE FUNCTION console_switch.refuse(held console_switch.state) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION USING
        ERRCODE = 'CS001',
        MESSAGE = format('%s is stopped on %s; nothing was written.', held.switch, held.target),
        DETAIL = json_build_object('switch', held.switch, 'target', held.target,
                                   'generation', held.generation, 'command_id', held.command_id)::text,
        HINT = 'It is restored from the incident console.';
END
$$;

-- Before every statement that writes: it takes no lock, so an open ingest never holds a freeze up.
CREATE OR REPLACE FUNCTION console_switch.refuse_statement() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    held console_switch.state;
BEGIN
    SELECT s.* INTO held
      FROM console_switch.guarded AS g JOIN console_switch.state AS s ON s.target = g.target
     WHERE g.relation = TG_RELID AND s.switch = 'FF_INDEX_FREEZE' AND s.state = 'stopped';
    IF FOUND THEN
        PERFORM console_switch.refuse(held);
    END IF;
    RETURN NULL;
END
$$;

-- At commit, for what was written before the switch was thrown. The row lock orders the commit and the switch: whoever
-- is second sees the first, under REPEATABLE READ by a serialisation failure.
CREATE OR REPLACE FUNCTION console_switch.refuse_commit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    held console_switch.state;
    tenant text;
BEGIN
    EXECUTE format('SELECT ($1).%I::text', TG_ARGV[0]) INTO tenant
      USING CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    FOR held IN
        SELECT s.*
          FROM console_switch.scope AS c
          JOIN console_switch.state AS s ON s.switch = c.switch AND s.target = c.target
         WHERE c.relation = TG_RELID
           AND (c.switch = 'FF_INDEX_FREEZE' OR (c.switch = 'FF_TENANT_BLOCK' AND c.value = tenant))
           FOR SHARE OF s
    LOOP
        IF held.state = 'stopped' THEN
            PERFORM console_switch.refuse(held);
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;

-- The values of a table's rows that a switch shuts; policies ask once a query.
CREATE OR REPLACE FUNCTION console_switch.shut(a_switch text, a_relation regclass) RETURNS text[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(array_agg(c.value), '{}')
      FROM console_switch.scope AS c
      JOIN console_switch.state AS s ON s.switch = c.switch AND s.target = c.target
     WHERE c.switch = a_switch AND c.relation = a_relation AND s.state = 'stopped'
$$;

-- Set a state under its generation, and say what is held then. `outcome`: set, same, stale, expired or unmapped.
CREATE OR REPLACE FUNCTION console_switch.set_state(
    a_switch text, a_target text, a_state text, a_generation bigint, a_command_id text, a_expires timestamptz,
    OUT outcome text, OUT state text, OUT generation bigint
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    held console_switch.state;
BEGIN
    IF NOT EXISTS (SELECT FROM console_switch.scope AS c WHERE c.switch = a_switch AND c.target = a_target) THEN
        outcome := 'unmapped'; state := ''; generation := 0;
        RETURN;
    END IF;
    INSERT INTO console_switch.state (switch, target) VALUES (a_switch, a_target) ON CONFLICT DO NOTHING;
    SELECT s.* INTO STRICT held FROM console_switch.state AS s
     WHERE s.switch = a_switch AND s.target = a_target FOR UPDATE;
    outcome := CASE
        WHEN (held.generation, held.command_id, held.state) = (a_generation, a_command_id, a_state) THEN 'same'
        WHEN held.generation >= a_generation THEN 'stale'
        WHEN clock_timestamp() >= a_expires THEN 'expired'
        ELSE 'set'
    END;
    IF outcome = 'set' THEN
        UPDATE console_switch.state AS s
           SET state = a_state, generation = a_generation, command_id = a_command_id, set_at = clock_timestamp()
         WHERE s.switch = a_switch AND s.target = a_target
        RETURNING s.* INTO held;
    END IF;
    state := held.state; generation := held.generation;
END
$$;

-- End every session whose open transaction wrote to the index, and say how many; not those of superusers.
CREATE OR REPLACE FUNCTION console_switch.end_ingest(a_target text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    writer integer;
    ended integer := 0;
BEGIN
    FOR writer IN
        SELECT DISTINCT l.pid
          FROM pg_locks AS l JOIN console_switch.scope AS c ON l.relation = c.relation
         WHERE c.target = a_target AND l.locktype = 'relation' AND l.granted AND l.pid <> pg_backend_pid()
           AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
           AND l.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
    LOOP
        BEGIN
            ended := ended + pg_terminate_backend(writer)::integer;
        EXCEPTION WHEN insufficient_privilege THEN
            NULL;  -- a superuser's: it stays open, and the trigger at commit still refuses it
        END;
    END LOOP;
    RETURN ended;
END
$$;

-- Whether a scope has any row at all, hidden or not: what a probe cannot see must be there to count as hidden.
CREATE OR REPLACE FUNCTION console_switch.has_rows(a_switch text, a_target text) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found_one boolean := false;
    query text;
BEGIN
    FOR query IN SELECT console_switch.rows_of(a_switch, a_target) LOOP
        EXECUTE query INTO found_one;
        EXIT WHEN found_one;
    END LOOP;
    RETURN found_one;
END
$$;

CREATE OR REPLACE FUNCTION console_switch.rows_of(a_switch text, a_target text) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT format('SELECT EXISTS (SELECT FROM %s WHERE %I = %L)', c.relation,
                  CASE a_switch WHEN 'FF_TENANT_BLOCK' THEN g.tenant_column ELSE g.segment_column END, c.value)
      FROM console_switch.scope AS c JOIN console_switch.guarded AS g ON g.relation = c.relation
     WHERE c.switch = a_switch AND c.target = a_target
$$;

-- What a reader meets: whether it sees a row of the scope, whether there is one, and the switch, all of one moment.
CREATE OR REPLACE FUNCTION console_switch.try_read(
    a_switch text, a_target text,
    OUT sees boolean, OUT has_rows boolean, OUT state text, OUT generation bigint, OUT command_id text
)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    query text;
BEGIN
    sees := false;
    FOR query IN SELECT console_switch.rows_of(a_switch, a_target) LOOP
        EXECUTE query INTO sees;
        EXIT WHEN sees;
    END LOOP;
    has_rows := sees OR console_switch.has_rows(a_switch, a_target);
    SELECT h.state, h.generation, h.command_id INTO state, generation, command_id FROM console_switch.held() AS h
     WHERE h.switch = a_switch AND h.target = a_target;
END
$$;

-- Ingest the probe's document, as any ingest does; whoever calls this rolls back.
CREATE OR REPLACE FUNCTION console_switch.try_write(a_target text) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    query text;
    written integer := 0;
BEGIN
    FOR query IN SELECT console_switch.write_of(a_target) LOOP
        EXECUTE query;
        written := written + 1;
    END LOOP;
    RETURN written;
END
$$;

CREATE OR REPLACE FUNCTION console_switch.write_of(a_target text) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT format('INSERT INTO %1$s (%2$s) SELECT %2$s FROM jsonb_populate_record(NULL::%1$s, %3$L)', g.relation,
                  (SELECT string_agg(quote_ident(k), ', ') FROM jsonb_object_keys(g.probe_row) AS k), g.probe_row)
      FROM console_switch.guarded AS g WHERE g.target = a_target
$$;

-- Every switch that is laid here, thrown or not.
CREATE OR REPLACE FUNCTION console_switch.held(
    OUT switch text, OUT target text, OUT state text, OUT generation bigint, OUT command_id text
) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT s.switch, s.target, s.state, s.generation, s.command_id FROM console_switch.state AS s
$$;

-- Laying it, by hand and before any incident. ------------------------------------------------------------------------

-- One switch on one target shuts the rows of `a_relation` whose segment or tenant has `a_value`.
CREATE OR REPLACE FUNCTION console_switch.add_scope(a_switch text, a_target text, a_relation regclass, a_value text)
RETURNS void LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO console_switch.scope VALUES (a_switch, a_target, a_relation, a_value)
        ON CONFLICT (switch, target, relation) DO UPDATE SET value = excluded.value;
    INSERT INTO console_switch.state (switch, target) VALUES (a_switch, a_target) ON CONFLICT DO NOTHING;
$$;

-- Lay triggers and row filters on a table; both columns must be NOT NULL, or a row could belong to nobody.
CREATE OR REPLACE FUNCTION console_switch.guard(
    a_relation regclass, a_target text, a_segment_column name, a_tenant_column name, a_probe_row jsonb
) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (SELECT count(*) FROM pg_attribute WHERE attrelid = a_relation AND attnotnull
           AND attname IN (a_segment_column, a_tenant_column)) <> 2 THEN
        RAISE EXCEPTION '%: columns % and % must exist and be NOT NULL.', a_relation, a_segment_column, a_tenant_column;
    END IF;
    INSERT INTO console_switch.guarded VALUES (a_relation, a_target, a_segment_column, a_tenant_column, a_probe_row)
        ON CONFLICT (relation) DO UPDATE SET target = excluded.target, segment_column = excluded.segment_column,
            tenant_column = excluded.tenant_column, probe_row = excluded.probe_row;
    PERFORM console_switch.add_scope('FF_INDEX_FREEZE', a_target, a_relation, '');

    EXECUTE format('CREATE OR REPLACE TRIGGER console_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s
        FOR EACH STATEMENT EXECUTE FUNCTION console_switch.refuse_statement()', a_relation);
    EXECUTE format('DROP TRIGGER IF EXISTS console_commit ON %s', a_relation);
    EXECUTE format('CREATE CONSTRAINT TRIGGER console_commit AFTER INSERT OR UPDATE OR DELETE ON %s
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION console_switch.refuse_commit(%L)',
        a_relation, a_tenant_column);
    -- ALWAYS: a session with session_replication_role = replica would not fire them otherwise
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER console_statement, ENABLE ALWAYS TRIGGER console_commit',
        a_relation);

    -- Row filters without any permissive policy would hide every row.
    IF NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = a_relation AND polpermissive) THEN
        EXECUTE format('CREATE POLICY console_as_before ON %s USING (true)', a_relation);
    END IF;
    EXECUTE format('DROP POLICY IF EXISTS console_quarantine ON %s', a_relation);
    EXECUTE format('CREATE POLICY console_quarantine ON %s AS RESTRICTIVE
        USING (%I::text <> ALL ((SELECT console_switch.shut(''FF_ROW_QUARANTINE'', %L::regclass))::text[]))',
        a_relation, a_segment_column, a_relation);
    EXECUTE format('DROP POLICY IF EXISTS console_tenant ON %s', a_relation);
    EXECUTE format('CREATE POLICY console_tenant ON %s AS RESTRICTIVE
        USING (%I::text <> ALL ((SELECT console_switch.shut(''FF_TENANT_BLOCK'', %L::regclass))::text[]))',
        a_relation, a_tenant_column, a_relation);
    -- FORCE: the owner of the table is bound as well
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', a_relation);
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO console_owner, console_probe',
        (SELECT n.nspname FROM pg_class AS r JOIN pg_namespace AS n ON n.oid = r.relnamespace WHERE r.oid = a_relation));
    EXECUTE format('GRANT SELECT ON %s TO console_owner', a_relation);
    EXECUTE format('GRANT SELECT, INSERT ON %s TO console_probe', a_relation);
END
$$;

DO $$
DECLARE
    each regprocedure;
BEGIN
    FOR each IN SELECT p.oid FROM pg_proc AS p WHERE p.pronamespace = 'console_switch'::regnamespace LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO console_owner', each);
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', each);
    END LOOP;
    -- A search through a hidden neighbourhood goes on until it has its k rows; without it a quarantine empties answers.
    EXECUTE format('ALTER DATABASE %I SET hnsw.iterative_scan = %L', current_database(), 'strict_order');
END
$$;
GRANT EXECUTE ON FUNCTION console_switch.shut TO PUBLIC;
GRANT EXECUTE ON FUNCTION console_switch.held, console_switch.set_state, console_switch.end_ingest TO console_switch;
GRANT EXECUTE ON FUNCTION console_switch.held, console_switch.has_rows, console_switch.rows_of,
    console_switch.try_read, console_switch.write_of, console_switch.try_write TO console_probe;
