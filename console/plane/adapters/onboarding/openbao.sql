-- The login with which OpenBao makes and ends the logins of tools in a PostgreSQL; run as a superuser, before it is
-- configured there. It may hand out `manuals_reader` (put the roles of your tools there) and end what it made.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'openbao') THEN
        CREATE ROLE openbao LOGIN CREATEROLE;
    END IF;
END
$$;
GRANT manuals_reader TO openbao WITH ADMIN OPTION;
GRANT pg_signal_backend TO openbao;
