#!/bin/sh
# The first start of an empty database: the site's own role, which is neither a superuser nor above row-level security.
set -eu
# By standard input: an argument would show the password to every process of the machine.
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<SQL
\set password \`printenv CHURNGUARD_PASSWORD\`
CREATE ROLE churnguard NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB LOGIN PASSWORD :'password';
CREATE DATABASE churnguard OWNER churnguard ENCODING 'UTF8' TEMPLATE template0;
REVOKE CONNECT ON DATABASE churnguard FROM PUBLIC;
SQL
