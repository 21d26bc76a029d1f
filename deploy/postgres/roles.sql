-- The roles of a PostgreSQL for ChurnGuard, said by a superuser in the database itself, and again whenever one likes (after a
-- restore it must be, for a dump carries no rights):  psql --dbname churnguard --file roles.sql
--
--   churnguard_owner   migrates, and owns the tables
--   churnguard_app     is the site, the workers and the clock: bound by row-level security, and owner of no company's table
--   churnguard_watch   reads every row and writes none: backups, and people who look after the installation
--   churnguard_drill   makes databases of its own to try restores in; the site's it does not enter
--
-- Passwords are not set here: \password churnguard_owner, and so on. The first part is what `manage.py database_roles` prints.
\set ON_ERROR_STOP on
-- ANALYZE after a bulk load may be granted from PostgreSQL 17 on; before, autovacuum's comes later.
SELECT CASE WHEN current_setting('server_version_num')::int >= 170000 THEN ', MAINTAIN' ELSE '' END AS maintain \gset
BEGIN;
DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'churnguard_owner') THEN CREATE ROLE "churnguard_owner"; END IF; END $$;
ALTER ROLE "churnguard_owner" LOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB NOBYPASSRLS;
DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'churnguard_app') THEN CREATE ROLE "churnguard_app"; END IF; END $$;
ALTER ROLE "churnguard_app" LOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB NOBYPASSRLS;
DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'churnguard_watch') THEN CREATE ROLE "churnguard_watch"; END IF; END $$;
ALTER ROLE "churnguard_watch" LOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB BYPASSRLS;
GRANT "churnguard_app" TO "churnguard_owner";
ALTER DATABASE :"DBNAME" OWNER TO "churnguard_owner";
REVOKE ALL ON SCHEMA "public" FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA "public" TO "churnguard_owner", "churnguard_app";
GRANT USAGE ON SCHEMA "public" TO "churnguard_watch";
REVOKE ALL ON DATABASE :"DBNAME" FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE :"DBNAME" TO "churnguard_owner", "churnguard_app";
GRANT CONNECT ON DATABASE :"DBNAME" TO "churnguard_watch";
DO $$ DECLARE one record; BEGIN
    FOR one IN SELECT c.oid::regclass AS name, c.relname ~ '_[0-9]+_[0-9]+$' AS is_part FROM pg_class c
               WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO %I', one.name, CASE WHEN one.is_part THEN 'churnguard_app' ELSE 'churnguard_owner' END);
    END LOOP;
    FOR one IN SELECT p.oid::regprocedure AS name FROM pg_proc p
               WHERE p.pronamespace = 'public'::regnamespace AND p.proname LIKE 'churnguard\_%' LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO %I', one.name, 'churnguard_owner');
    END LOOP;
END $$;
ALTER DEFAULT PRIVILEGES FOR ROLE "churnguard_owner" IN SCHEMA "public" GRANT SELECT, INSERT, UPDATE, DELETE:maintain ON TABLES TO "churnguard_app";
ALTER DEFAULT PRIVILEGES FOR ROLE "churnguard_owner" IN SCHEMA "public" GRANT USAGE, SELECT ON SEQUENCES TO "churnguard_app";
ALTER DEFAULT PRIVILEGES FOR ROLE "churnguard_owner" IN SCHEMA "public" GRANT SELECT ON TABLES TO "churnguard_watch";
ALTER DEFAULT PRIVILEGES FOR ROLE "churnguard_owner" IN SCHEMA "public" GRANT SELECT ON SEQUENCES TO "churnguard_watch";
ALTER DEFAULT PRIVILEGES FOR ROLE "churnguard_app" IN SCHEMA "public" GRANT SELECT ON TABLES TO "churnguard_watch";
GRANT SELECT, INSERT, UPDATE, DELETE:maintain ON ALL TABLES IN SCHEMA "public" TO "churnguard_app";
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA "public" TO "churnguard_app";
GRANT SELECT ON ALL TABLES IN SCHEMA "public" TO "churnguard_watch";
GRANT SELECT ON ALL SEQUENCES IN SCHEMA "public" TO "churnguard_watch";
ALTER FUNCTION pg_catalog.lower(text) LEAKPROOF;

DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'churnguard_drill') THEN CREATE ROLE "churnguard_drill"; END IF; END $$;
ALTER ROLE "churnguard_drill" LOGIN NOSUPERUSER NOCREATEROLE CREATEDB NOBYPASSRLS;
COMMIT;
