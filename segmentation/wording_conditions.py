"""Rules in words: a rule as one sentence, what is wrong with one, and how many are in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext, pgettext_lazy

from core.templatetags.ui import percent_sign, thousands
from customers.wording.features import feature_name
from predictions.wording import value_name
from tenants.scoping import current_tenant

from .audiences import Count
from .conditions import All, Any, Catalogue, Condition, Field, Kind, Node, Not, Problem, Tree, describe

_FIELDS = {
    "external_id": gettext_lazy("Customer number"),
    "city": gettext_lazy("City"),
    "language": gettext_lazy("Language"),
    "email": gettext_lazy("E-mail"),
    "phone": gettext_lazy("Phone"),
    "churn_label": gettext_lazy("Left"),
    "risk": gettext_lazy("Risk of leaving"),
    "risk_band": gettext_lazy("Risk band"),
    "montant_consommation": gettext_lazy("Spend, last month known"),
    "nombre_appels": gettext_lazy("Calls, last month known"),
    "volume_data": gettext_lazy("Data, last month known"),
    "nombre_sms": gettext_lazy("Text messages, last month known"),
    "nombre_recharges": gettext_lazy("Top-ups, last month known"),
    "nombre_reclamations": gettext_lazy("Complaints, last month known"),
    "last_use": gettext_lazy("Last month with any use (its first day)"),
    "segment": gettext_lazy("Segment"),
    "contacted": gettext_lazy("Ever contacted"),
    "last_contact": gettext_lazy("Last contact"),
    "contacts": gettext_lazy("Number of contacts"),
    "left_after_contact": gettext_lazy("Left after the last contact"),
    "campaign": gettext_lazy("Contacted by campaign"),
    "held_out": gettext_lazy("Held out by campaign"),
}
_VALUES = {
    ("risk_band", "high"): pgettext_lazy("risk", "high"),
    ("risk_band", "medium"): pgettext_lazy("risk", "medium"),
    ("risk_band", "low"): pgettext_lazy("risk", "low"),
    ("language", "fr"): gettext_lazy("French"),
    ("language", "en"): gettext_lazy("English"),
    ("language", "ar"): gettext_lazy("Arabic"),
}
_SENTENCES = {
    "equals": gettext_lazy("%(field)s is %(value)s"),
    "not_equals": gettext_lazy("%(field)s is not %(value)s"),
    "one_of": gettext_lazy("%(field)s is one of %(value)s"),
    "none_of": gettext_lazy("%(field)s is none of %(value)s"),
    "less": gettext_lazy("%(field)s is below %(value)s"),
    "at_most": gettext_lazy("%(field)s is at most %(value)s"),
    "more": gettext_lazy("%(field)s is above %(value)s"),
    "at_least": gettext_lazy("%(field)s is at least %(value)s"),
    "between": gettext_lazy("%(field)s is between %(low)s and %(high)s"),
    "known": gettext_lazy("%(field)s is known"),
    "unknown": gettext_lazy("%(field)s is not known"),
    "before": gettext_lazy("%(field)s is before %(value)s"),
    "after": gettext_lazy("%(field)s is after %(value)s"),
    "some": gettext_lazy("%(field)s: any at all"),
    "nothing": gettext_lazy("%(field)s: none at all"),
}
_SHOWN_VALUES = 8  # of a list in a sentence

# ---------------------------------------------------------------- fields and values


def field_name(field: Field) -> str:
    """What a field is called; an other field by the header it had."""
    if field.label:
        return str(field.label)
    known = _FIELDS.get(field.code)
    return str(known) if known is not None else feature_name(field.code)


def value_words(field: Field, value: object) -> str:
    """One value of a condition, in the reader's language and with its unit."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if field.kind is Kind.DATE:
        return date_format(date.fromisoformat(str(value)), "SHORT_DATE_FORMAT")
    if field.kind in (Kind.NUMBER, Kind.MONEY):
        return _amount(field, Decimal(str(value)))
    return _("“%(value)s”") % {"value": option_words(field, str(value))}


def option_words(field: Field, value: str) -> str:
    """A label's or a segment's words, without quotes."""
    given = field.words(value)
    if field.kind is Kind.SEGMENT:
        return f"{value} · {given}" if given not in ("", value) else value
    known = _VALUES.get((field.code, value))
    return str(known if known is not None else value_name(value))


def _amount(field: Field, value: Decimal) -> str:
    if field.unit == "share":
        return _plain(value * 100) + percent_sign()
    text = _plain(value)
    if field.unit == "money":
        return f"{text}\u00a0{current_tenant().currency}".strip()
    if field.unit == "months":
        return ngettext("%(n)s month", "%(n)s months", int(value)) % {"n": text}
    megabytes = _("MB")
    return f"{text}\u00a0{megabytes}" if field.unit == "megabytes" else text


def _plain(value: Decimal) -> str:
    """A number with all the digits it was given, none more."""
    text = format(value.normalize(), "f")
    return number_format(Decimal(text), len(text.partition(".")[2]), force_grouping=True)


# ---------------------------------------------------------------- a rule as a sentence


def sentence(tree: Tree, catalogue: Catalogue | None = None) -> str:
    """A rule as one sentence, and whom its "not" lets in. ``catalogue``: where names are newer than the rule's own."""
    words = _node(tree.root, catalogue, is_inner=False)
    words = f"{words[:1].upper()}{words[1:]}."
    unknown = [field_name(_newest(field, catalogue)) for field in describe(tree).lets_in_unknown]
    if not unknown:
        return words
    beside = _("“Not” also lets in who has no known value of: %(fields)s.") % {"fields": _listed(unknown)}
    return f"{words} {beside}"


def _node(node: Node, catalogue: Catalogue | None, *, is_inner: bool) -> str:
    if isinstance(node, Condition):
        return condition_words(node, catalogue)
    if isinstance(node, Not):
        inner = _node(node.child, catalogue, is_inner=True)
        return _("not %(rule)s") % {
            "rule": inner if isinstance(node.child, All | Any) and len(node.child.children) > 1 else f"({inner})"
        }
    between = (
        pgettext("between conditions", "%(one)s or %(other)s")
        if isinstance(node, Any)
        else pgettext("between conditions", "%(one)s and %(other)s")
    )
    parts = [_node(child, catalogue, is_inner=len(node.children) > 1) for child in node.children]
    words = parts[0]
    for part in parts[1:]:
        words = between % {"one": words, "other": part}
    return f"({words})" if is_inner and len(parts) > 1 else words


def condition_words(condition: Condition, catalogue: Catalogue | None = None) -> str:
    field, operator, value = _newest(condition.field, catalogue), condition.operator, condition.value
    told: dict[str, object] = {"field": field_name(field)}
    if operator in ("last_days", "next_days"):
        told["n"] = thousands(value)
        if operator == "last_days":
            return (
                ngettext("%(field)s is within the last %(n)s day", "%(field)s is within the last %(n)s days", value)
                % told
            )
        return (
            ngettext("%(field)s is within the coming %(n)s day", "%(field)s is within the coming %(n)s days", value)
            % told
        )
    if operator == "between":
        told["low"], told["high"] = (value_words(field, one) for one in value)
    elif isinstance(value, tuple):
        told["value"] = _listed([value_words(field, one) for one in value])
    elif field.kind is Kind.YES_NO and value is not None:
        # Of two answers, not the one is the other.
        told["value"] = value_words(field, value is (operator == "equals"))
        return f"{told['field']}{pgettext('between a name and its value', ': ')}{told['value']}"
    elif value is not None:
        told["value"] = value_words(field, value)
    return str(_SENTENCES[operator]) % told


def _newest(field: Field, catalogue: Catalogue | None) -> Field:
    return catalogue.get(field.code, field) if catalogue else field


def _listed(words: Sequence[str]) -> str:
    shown, more = words[:_SHOWN_VALUES], len(words) - _SHOWN_VALUES
    text = ", ".join(shown)
    return (
        text
        if more <= 0
        else ngettext("%(list)s and %(n)s more", "%(list)s and %(n)s more", more) % {"list": text, "n": thousands(more)}
    )


# ---------------------------------------------------------------- what is wrong


_PROBLEMS = {
    "not_json": gettext_lazy("This is not a rule: the JSON cannot be read."),
    "too_large": gettext_lazy("The rule is too long: %(most)s characters at most."),
    "not_a_rule": gettext_lazy("A condition or a group of conditions belongs here."),
    "empty_group": gettext_lazy("Add a condition: an empty group says nothing."),
    "too_deep": gettext_lazy("Groups within groups within groups: %(most)s at most."),
    "too_many_conditions": gettext_lazy("A rule has %(most)s conditions at most."),
    "unexpected": gettext_lazy("“%(key)s” has no place here."),
    "field_missing": gettext_lazy("Choose a field."),
    "field_unknown": gettext_lazy("Your company has no field “%(field)s” (any more)."),
    "operator_missing": gettext_lazy("Choose how to compare."),
    "operator_unknown": gettext_lazy("This field cannot be compared like that."),
    "value_missing": gettext_lazy("Give a value."),
    "value_unexpected": gettext_lazy("This comparison takes no value."),
    "not_a_number": gettext_lazy("Give a number."),
    "not_whole": gettext_lazy("Give a whole number."),
    "too_many_decimals": gettext_lazy("Give %(most)s decimals at most."),
    "out_of_range": gettext_lazy("Give a number from %(low)s to %(high)s."),
    "not_yes_or_no": gettext_lazy("Choose yes or no."),
    "not_a_date": gettext_lazy("Give a date, year first: 2026-12-31."),
    "not_a_text": gettext_lazy("Give a plain text."),
    "text_empty": gettext_lazy("Give a value."),
    "text_too_long": gettext_lazy("Give %(most)s characters at most."),
    "not_a_choice": gettext_lazy("“%(value)s” is none of the values to choose from."),
    "not_a_list": gettext_lazy("Give a list of values."),
    "list_empty": gettext_lazy("Choose one value at least."),
    "list_too_long": gettext_lazy("Give %(most)s values at most."),
    "not_a_pair": gettext_lazy("Give the lower and the upper bound."),
    "bounds_crossed": gettext_lazy("The lower bound is above the upper one."),
}  # fmt: skip


def problem(found: Problem) -> str:
    """What is wrong with one place of a rule."""
    facts = {name: _fact(fact) for name, fact in found.facts.items()}
    return str(_PROBLEMS[found.code]) % facts


def _fact(fact: object) -> object:
    return _plain(Decimal(str(fact))) if isinstance(fact, int | float) else fact


# ---------------------------------------------------------------- how many


def counted(found: Count) -> str:
    """How many are in; an estimate says so, with its interval in three digits."""
    if found.is_exact:
        return ngettext("%(n)s customer", "%(n)s customers", found.customers) % {"n": thousands(found.customers)}
    low, high = _rounded(found.low, ROUND_FLOOR), _rounded(found.high, ROUND_CEILING)
    if not found.customers:
        return _("%(high)s customers at most, and none among the %(looked)s looked at") % {
            "high": thousands(high), "looked": thousands(found.looked),
        }  # fmt: skip
    return _("about %(n)s customers (%(low)s to %(high)s)") % {
        "n": thousands(_rounded(found.customers, None)), "low": thousands(low), "high": thousands(high),
    }  # fmt: skip


def _rounded(number: int, how: str | None) -> int:
    """Three digits of a number: the fourth of an estimate would only pretend."""
    step = Decimal(10) ** max(len(str(number)) - 3, 0)
    return int((Decimal(number) / step).quantize(Decimal(1), rounding=how) * step)
