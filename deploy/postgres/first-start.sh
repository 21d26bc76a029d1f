#!/bin/sh
# The first start of an empty server: the site's database, and its roles with their passwords.
set -eu
roles=${ROLES_SQL:-/etc/churnguard/roles.sql}
ask() { psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" "$@"; }

ask --dbname postgres --command "CREATE DATABASE churnguard ENCODING 'UTF8' TEMPLATE template0"
ask --dbname churnguard --file "$roles"
# By standard input: an argument would show the passwords to every process of the machine.
ask --dbname postgres <<'SQL'
\set owner `printenv POSTGRES_OWNER_PASSWORD`
\set app `printenv POSTGRES_APP_PASSWORD`
\set watch `printenv POSTGRES_WATCH_PASSWORD`
\set drill `printenv POSTGRES_DRILL_PASSWORD`
ALTER ROLE churnguard_owner PASSWORD :'owner';
ALTER ROLE churnguard_app PASSWORD :'app';
ALTER ROLE churnguard_watch PASSWORD :'watch';
ALTER ROLE churnguard_drill PASSWORD :'drill';
SQL
