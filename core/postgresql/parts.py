"""Functions by which a role that owns no scoped table makes a table of its own a part of one (``core.partitions``).

They run with the rights of the tables' owner (SECURITY DEFINER), who must be a member of the role that made the part
(``core.postgresql.roles``), and do nothing but that: the part must bear the name of a part or of a half of one, be its
caller's own, and be closed like its parent. With one role for everything they are that role's own.
"""

from __future__ import annotations

from django.db import DEFAULT_DB_ALIAS, connections

_CHECKED = """
    IF NOT EXISTS (
        SELECT 1 FROM pg_class p, pg_class t
        WHERE p.oid = parent AND t.oid = part AND p.relkind = 'p' AND t.relkind IN ('r', 'p')
          AND p.relnamespace = t.relnamespace AND t.relname ~ ('^' || p.relname || '(_[0-9]+){2,3}$')
          AND pg_has_role(session_user, t.relowner, 'USAGE')
          AND (t.relrowsecurity AND t.relforcerowsecurity OR NOT p.relrowsecurity)
    ) THEN
        RAISE EXCEPTION '% is no part for %', part, parent USING ERRCODE = 'insufficient_privilege';
    END IF;"""

_DEFINED = """
    SELECT pg_get_constraintdef(k.oid) INTO STRICT definition
    FROM pg_constraint k WHERE k.conrelid = parent AND k.conname = title AND k.contype = 'f';"""

_FUNCTION = """
CREATE OR REPLACE FUNCTION {name}(parent regclass, part regclass, title name) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE definition text; is_forced boolean;
BEGIN{checked}{work}
END $body$"""

# All rows of the part are checked: a policy would hide a stray one from the check, and let it in.
_UNFORCED = """
    SELECT relforcerowsecurity INTO is_forced FROM pg_class WHERE oid = part;
    IF is_forced THEN EXECUTE format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', part); END IF;
    {work}
    IF is_forced THEN EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', part); END IF;"""

_ADD, _CHECK = "ALTER TABLE %s ADD CONSTRAINT %I %s", "ALTER TABLE %s VALIDATE CONSTRAINT %I"
_BIND = _DEFINED + _UNFORCED.format(work=f"EXECUTE format('{_ADD}', part, title, definition);")
_PROMISE = _DEFINED + f"\n    EXECUTE format('{_ADD} NOT VALID', part, title, definition);"
_PROVE = _UNFORCED.format(work=f"EXECUTE format('{_CHECK}', part, title);")

_ATTACH = f"""
CREATE OR REPLACE FUNCTION churnguard_attach_part(parent regclass, part regclass, key bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
BEGIN{_CHECKED}
    IF EXISTS (
        SELECT 1 FROM pg_class p, pg_inherits i JOIN pg_class half ON half.oid = i.inhrelid
        WHERE p.oid = parent AND p.relrowsecurity AND i.inhparent = part
          AND NOT (half.relrowsecurity AND half.relforcerowsecurity)
    ) THEN
        RAISE EXCEPTION 'a half of % is open', part USING ERRCODE = 'insufficient_privilege';
    END IF;
    EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s FOR VALUES IN (%s)', parent, part, key);
END $body$"""  # noqa: S608 - of our own words


def install(using: str = DEFAULT_DB_ALIAS) -> None:
    """Create or renew them, as the role that migrates."""
    with connections[using].cursor() as cursor:
        for name, work in (("bind", _BIND), ("promise", _PROMISE), ("prove", _PROVE)):
            cursor.execute(_FUNCTION.format(name=f"churnguard_{name}_part", checked=_CHECKED, work=work))
        cursor.execute(_ATTACH)
