"""Sentences about columns: what each may be, why we think so, what is doubtful, and why a mapping cannot be used."""

from __future__ import annotations

from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from ..ingest.celltypes import ATTRIBUTE_TYPES
from ..ingest.mapping import ATTRIBUTE, BY_COLUMN, ID, IGNORE, LABEL, MONTH, ROW_HASH, ROW_NUMBER, TARGETS
from ..ingest.schema import COLUMNS, USAGE_COLUMNS, Table
from ..models import Customer, Subscription, UsageRecord
from .features import trend_name
from .files import listed

ATTRIBUTE_PREFIX = f"{ATTRIBUTE}:"
ID_RULES = (BY_COLUMN, ROW_HASH, ROW_NUMBER)
_BY_TABLE = {Table.CUSTOMER: Customer, Table.SUBSCRIPTION: Subscription, Table.USAGE: UsageRecord}
_TABLES = {column.name: column.table for column in (*COLUMNS, *USAGE_COLUMNS)}
MEASURES = tuple(name for name, table in _TABLES.items() if table is Table.USAGE and name != MONTH)


# ---------------------------------------------------------------- targets


def field_name(target: str) -> str:
    """What a standard field, or another use of a column, is called on pages."""
    if target == ATTRIBUTE:
        return _("Other field")
    if target == IGNORE:
        return _("Left out")
    if target == LABEL:
        return _("Who left")
    table = _TABLES.get(target)
    if table is None:
        return trend_name(target) or target
    return capfirst(str(_BY_TABLE[table]._meta.get_field(target).verbose_name))


def attribute_type(kind: str) -> str:
    """What an other field holds."""
    return {
        "number": pgettext("type of a field", "number"),
        "category": _("category or text"),
        "flag": _("yes or no"),
        "date": _("date"),
    }.get(kind, kind)


def target_groups() -> list[tuple[str, list[tuple[str, str]]]]:
    """What a column may be, in groups for a select: (group, [(value, name)]). An other field is ``attribute:TYPE``.

    Without the customer number and the column of who left, which are chosen by themselves.
    """
    names = {Table.CUSTOMER: _("Customer"), Table.SUBSCRIPTION: _("Subscription"), Table.USAGE: _("A month of use")}
    groups = [
        (name, [(t, field_name(t)) for t in TARGETS if _TABLES[t] is table and t not in (ID, LABEL)])
        for table, name in names.items()
    ]
    others = [
        (ATTRIBUTE_PREFIX + kind, _("Other field: %(kind)s") % {"kind": attribute_type(kind)})
        for kind in ATTRIBUTE_TYPES
    ]
    return [(_("Keep beside, or leave out"), [*others, (IGNORE, _("Leave this column out"))]), *groups]


def needs_month(targets: set[str]) -> bool:
    """Whether a file has columns of use and none that says of which month."""
    return bool(targets & set(MEASURES)) and MONTH not in targets


def is_measure(target: str) -> bool:
    """Whether a field is a measure of a month of use."""
    return target in MEASURES


# ---------------------------------------------------------------- why we think so


# Asked for each of five hundred columns: made once, spoken when shown.
_WHY = {
    "remembered": gettext_lazy("As it was agreed for an earlier file."),
    "exact_alias": gettext_lazy("By its header."),
    "words_alias": gettext_lazy("By the words of its header, like “%(alias)s”."),
    "fuzzy_alias": gettext_lazy("Its header looks like “%(alias)s”; the values agree."),
    "values": gettext_lazy("By its values; its header does not say so."),
    "no_match": gettext_lazy("None of the fields we know, so it is kept beside them."),
    "taken": gettext_lazy("Another column suits that field better, so this one is kept beside."),
    "empty": gettext_lazy("It has no value in the first lines."),
    "row_number": gettext_lazy("It only counts the lines."),
    "ours": gettext_lazy("ChurnGuard added it to the file of refused lines."),
    "chosen": gettext_lazy("You chose this."),
}


def why(code: str, alias: str) -> str:
    """Where a guess comes from."""
    return str(_WHY.get(code, code)) % {"alias": alias}


def confidence(value: float) -> tuple[str, str]:
    """(tone, words) for how sure a guess is, 0 to 1."""
    if value >= 0.9:
        return "", pgettext("confidence", "sure")
    if value >= 0.7:
        return "accent", pgettext("confidence", "likely")
    return "medium", pgettext("confidence", "a guess")


_COLUMN_NOTES = {
    "may_be_years": gettext_lazy(
        "These look like years; months are expected. If they are years, keep the column as another field."
    ),
    "unit_unsaid": gettext_lazy("The header does not say the unit; months are expected."),
    "constant_in_sample": gettext_lazy("Every line says the same, so nothing can be learned from it."),
    "near_unique": gettext_lazy("Nearly every line has its own value, so little can be learned from it."),
    "contact_as_id": gettext_lazy("It is a way to reach the customer, used as the customer number."),
    "counts_rows": gettext_lazy("It may only count the lines."),
    "from_values": gettext_lazy("Its header does not say that it is the customer number; its values do."),
}


def column_note(code: str) -> str:
    """A doubt about one column."""
    return str(_COLUMN_NOTES.get(code, code))


# ---------------------------------------------------------------- customer numbers, and who left


def id_rule(rule: str) -> str:
    """What a way to number customers means when the next file comes."""
    return {
        BY_COLUMN: _(
            "A customer whose number is known already is brought up to date by the next file; nobody is entered twice."
        ),
        ROW_HASH: _(
            "Each line gets a number made from all its values. The same file again changes nothing; but a line in which anything changed counts as a new customer, so later files cannot bring these customers up to date."
        ),
        ROW_NUMBER: _(
            "The first line is customer 1, the second customer 2. Later files bring them up to date only if they hold the same customers in the same order."
        ),
    }.get(rule, rule)


def id_note(code: str) -> str:
    """A doubt about where customer numbers come from."""
    return {
        "repeats": _(
            "Some numbers stand on several lines: only the first line of each is taken, the others are refused by name."
        ),
        "contact_as_id": _(
            "This is a way to reach the customer: it is personal, and whoever changes it becomes a new customer. Take a customer number if the file has one."
        ),
        "counts_rows": _(
            "It may only count the lines: in a file sorted otherwise, the same number would be another customer."
        ),
        "from_values": _("Its header does not say so, but each line has its own value there."),
        "no_id_column": _("No column looks like a customer number."),
        "copies_numbered": _("Lines that are exact copies count as customers of their own."),
        "remembered": _("As it was agreed for an earlier file."),
    }.get(code, "")


def label_meaning(meaning: str) -> str:
    """What a value of the column of who left means."""
    return {"left": _("left"), "stayed": _("stayed"), "unknown": _("not known yet"), "unclear": _("not said yet")}.get(
        meaning, meaning
    )


def label_note(code: str) -> str:
    """A doubt about who left."""
    return {
        "one_class_in_sample": _("In the first lines everybody has the same answer; both are needed to learn from."),
        "new_counted_as_stayed": _("Who has just joined counts as stayed: they are still customers."),
        "unsure_left_unknown": _("Values that do not settle it are left as not known."),
        "reversed": _("This column says who is still there, so yes means stayed."),
        "values_unclear": _("Some values do not speak for themselves: say what they mean."),
        "filled_means_left": _("It looks like a date of leaving: whoever has one left."),
        "remembered": _("As it was agreed for an earlier file."),
    }.get(code, "")


# ---------------------------------------------------------------- a mapping that cannot be


def mapping_problem(code: str, facts: dict[str, object]) -> str:
    """Why a mapping cannot be used, as a sentence. ``code`` and ``facts`` of a Problem or a MappingRefused."""
    said = {
        "target": field_name(str(facts.get("target", ""))),
        "name": facts.get("target", ""),
        "header": facts.get("header", ""),
        "headers": listed(facts.get("headers", ())),
        "values": listed(facts.get("values", ())),
        "yes": listed(facts.get("yes", ())),
        "type": facts.get("type", ""),
        "rule": facts.get("rule", ""),
        "version": facts.get("version", ""),
        "key": facts.get("key", ""),
    }
    sentence = {
        "two_on_one_target": _(
            "%(headers)s are both “%(target)s”: keep one of them, and make the other another field."
        ),
        "unknown_target": _("“%(header)s” cannot be “%(name)s”: there is no such field."),
        "unknown_type": _("“%(header)s” cannot be of the type “%(type)s”: take number, category, flag or date."),
        "missing_column": _("The file has no column %(headers)s, which this mapping needs."),
        "no_columns": _("Every column is left out, so there is nothing to bring in."),
        "unknown_id_rule": _("Customer numbers cannot come from “%(rule)s”: take column, row_hash or row_number."),
        "no_id": _("No column is the customer number: choose one, or let numbers be made."),
        "two_ids": _("Customer numbers come either from the column “%(header)s” or are made for each line, not both."),
        "months_without_id": _(
            "The file has one line for each customer and month (“%(header)s”), so a column must say which customer: choose the customer number."
        ),
        "label_yes_without_column": _("Values mean that a customer left, but no column holds them: choose the column."),
        "label_yes_missing": _("Say which values of “%(header)s” mean that the customer left."),
        "label_value_twice": _("In “%(header)s” %(values)s cannot mean both left and stayed."),
        "label_empty_in_sample": _("“%(header)s” has no value in the first lines, so it says of nobody who left."),
        "label_yes_absent_in_sample": _("No line looked at has %(yes)s in “%(header)s”; its values are %(values)s."),
        "label_one_class_in_sample": _(
            "By these meanings everybody in “%(header)s” left; customers who stayed are needed too."
        ),
        "label_value_unclear_in_sample": _(
            "Some values of “%(header)s” have no meaning yet: say left, stayed or not known."
        ),
        "not_a_mapping": _("This is no mapping: an object with “columns” is expected."),
        "unknown_version": _("The version “%(version)s” of mappings is not known here."),
        "bad_column": _(
            "What stands at “%(header)s” is no target: a text, or an object with “target” and “type”, is expected."
        ),
        "bad_label": _("The label is an object with lists “yes”, “no” and “unknown”; the id is a text."),
        "unknown_column": _("The file has no column “%(header)s”. It has: %(headers)s."),
        "month_missing": _("The file has columns of use and does not say of which month: give the month."),
    }.get(code)
    return sentence % said if sentence else _("The columns cannot be used like this (%(code)s).") % {"code": code}
