"""Sentences that say whether there is enough to learn from, what is missing, and roughly how much more to collect."""

from __future__ import annotations

from dataclasses import asdict

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.templatetags.ui import decimal, thousands

from ..ingest.readiness import (
    BELOW_ENOUGH,
    BELOW_LEAST,
    MET,
    NOT_ASKED,
    NOT_YET,
    READY,
    THIN,
    Criterion,
    Facts,
    Readiness,
)


def describe(facts: Facts, found: Readiness) -> dict[str, object]:
    """The assessment in the reader's language, see services.readiness."""
    return {
        "verdict": found.verdict,
        "facts": asdict(facts),
        "found": found.to_json(),
        "headline": {
            READY: _("There is enough to learn from"),
            THIN: _("Enough to begin; more would make the figures steadier"),
            NOT_YET: _("Not enough to learn from yet"),
        }[found.verdict],
        "advice": _advice(facts, found),
        "criteria": [
            {"code": c.code, "state": c.state, "counts": c.counts, "words": _CRITERIA[c.code](c, facts)}
            for c in found.criteria
        ],
    }


def _advice(facts: Facts, found: Readiness) -> str:
    """What to do: nothing, or roughly how much more to collect."""
    if not facts.customers:
        return _("Import a file of customers, with a column that says who left.")
    if not facts.left + facts.stayed:
        return _("Nobody’s outcome is known: import a file with a column that says who left.")
    if found.verdict == READY:
        return _("How well a model ranks (its ROC AUC) will be known to about ±%(width)s, 19 times out of 20.") % {
            "width": decimal(found.auc_half_width, 2)
        }
    said = [_more(found)]
    if found.verdict == THIN and found.auc_half_width is not None and found.left_to_collect:
        said.append(
            _("With what is here, how well a model ranks (its ROC AUC) will be known to about ±%(width)s only.")
            % {"width": decimal(found.auc_half_width, 2)}
        )
    if found.criterion("features").state != MET:
        said.append(_("More columns about the customers would help too."))
    return " ".join(filter(None, said))


def _more(found: Readiness) -> str:
    left, rows = found.left_to_collect, found.rows_to_collect
    if left and rows:
        return ngettext(
            "Roughly %(left)s more customer who left would do: at the present share, that is about %(rows)s more customers "
            "whose outcome is known.",
            "Roughly %(left)s more customers who left would do: at the present share, that is about %(rows)s more customers "
            "whose outcome is known.",
            left,
        ) % {"left": thousands(left), "rows": thousands(rows)}
    if left:
        return ngettext(
            "Roughly %(left)s customer who left would do.", "Roughly %(left)s customers who left would do.", left
        ) % {"left": thousands(left)}
    if rows:
        return ngettext(
            "Roughly %(rows)s more customer whose outcome is known would do.",
            "Roughly %(rows)s more customers whose outcome is known would do.",
            rows,
        ) % {"rows": thousands(rows)}
    return ""


def _lacking(criterion: Criterion) -> str:
    """What is missing until the next bar, after the sentence that says what there is; "" where nothing is."""
    n = round(criterion.missing)
    if criterion.state == BELOW_LEAST:
        return ngettext(
            "%(n)s more is needed before anything can be learned.",
            "%(n)s more are needed before anything can be learned.",
            n,
        ) % {"n": thousands(n)}
    if criterion.state == BELOW_ENOUGH:
        return ngettext("%(n)s more would be better.", "%(n)s more would be better.", n) % {"n": thousands(n)}
    return ""


def _with_lack(sentence: str, criterion: Criterion) -> str:
    return " ".join(filter(None, (sentence, _lacking(criterion))))


def _outcome_known(criterion: Criterion, facts: Facts) -> str:
    n = round(criterion.have)
    sentence = ngettext(
        "%(n)s of %(all)s customers has a known outcome.", "%(n)s of %(all)s customers have a known outcome.", n
    )
    return _with_lack(sentence % {"n": thousands(n), "all": thousands(facts.customers)}, criterion)


def _left(criterion: Criterion, _facts: Facts) -> str:
    n = round(criterion.have)
    return _with_lack(ngettext("%(n)s of them left.", "%(n)s of them left.", n) % {"n": thousands(n)}, criterion)


def _stayed(criterion: Criterion, _facts: Facts) -> str:
    n = round(criterion.have)
    return _with_lack(ngettext("%(n)s of them stayed.", "%(n)s of them stayed.", n) % {"n": thousands(n)}, criterion)


def _features(criterion: Criterion, _facts: Facts) -> str:
    n = round(criterion.have)
    sentence = ngettext("%(n)s column can be learned from.", "%(n)s columns can be learned from.", n)
    return _with_lack(sentence % {"n": thousands(n)}, criterion)


def _left_each_feature(criterion: Criterion, _facts: Facts) -> str:
    if criterion.state == MET:
        return _("%(n)s customers who left for each of these columns.") % {"n": decimal(criterion.have, 1)}
    return _(
        "%(n)s customers who left for each of these columns; ten would be better. Models choose among columns, so this is "
        "advice only."
    ) % {"n": decimal(criterion.have, 1)}


def _auc_interval(criterion: Criterion, _facts: Facts) -> str:
    if criterion.state == MET:
        return _("The figures of a model will be steady (±%(width)s on its ROC AUC).") % {
            "width": decimal(criterion.have, 2)
        }
    sentence = ngettext(
        "For steady figures (±%(enough)s on the ROC AUC), about %(n)s more customer who left is wanted.",
        "For steady figures (±%(enough)s on the ROC AUC), about %(n)s more customers who left are wanted.",
        round(criterion.missing),
    )
    return sentence % {"n": thousands(round(criterion.missing)), "enough": decimal(criterion.enough, 2)}


def _months(criterion: Criterion, _facts: Facts) -> str:
    n = round(criterion.have)
    if criterion.state == NOT_ASKED:
        return _("No months of use. None are needed; with six, the models also see trends.")
    sentence = ngettext("%(n)s month of use.", "%(n)s months of use.", n) % {"n": thousands(n)}
    if criterion.state == MET:
        return sentence
    return sentence + " " + _("From six on, the models also see trends.")


_CRITERIA = {
    "outcome_known": _outcome_known,
    "left": _left,
    "stayed": _stayed,
    "features": _features,
    "left_each_feature": _left_each_feature,
    "auc_interval": _auc_interval,
    "months": _months,
}
