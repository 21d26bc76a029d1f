"""The leak watch: columns that know the answer are kept from the models until a person overrules, with a reason."""

from __future__ import annotations

import pandas as pd
from django.db import IntegrityError, transaction
from django.db.models import F
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from core import reasons
from core.errors import Refused
from tenants import services as tenants
from tenants.models import Level, User
from tenants.scoping import current_tenant

from .. import selectors
from ..ingest import leakage
from ..models import ColumnFinding

_BESIDE = ("id", "label")
_UNDECIDED: dict[str, object] = {"overruled_by": None, "overruled_at": None, "overrule_reason": "", "overruled_as": ""}


def refresh_findings(*, frame: pd.DataFrame | None = None) -> list[ColumnFinding]:
    """Look at every column that models may learn from, and write down what is suspicious or useless in it.

    ``frame``: labelled customers as selectors.feature_frames gives them; without it, a sample of them is read. Findings
    that no longer hold go; what a person overruled stays overruled. Returns what holds now. The same data gives the same
    findings. A second or two of work: for jobs, not for requests.
    """
    if frame is None:
        frame = selectors.labelled_sample()
    found = _watch(frame)
    try:
        return _write(found)
    except IntegrityError:  # another job wrote the same column's first finding at this moment
        return _write(found)


def _write(found: list[leakage.Finding]) -> list[ColumnFinding]:
    with transaction.atomic():
        known = {finding.column: finding for finding in ColumnFinding.objects.select_for_update()}
        fresh = [_keep(known.pop(finding.column, None), finding) for finding in found]
        gone = [finding.column for finding in known.values() if finding.holds]
        _let_go(list(known.values()))
        kept_away = sorted(row.column for row, is_new in fresh if is_new and row.is_kept_away)
        if gone or any(is_new for _row, is_new in fresh):
            tenants.record("findings_refreshed", kept_away=kept_away, gone=sorted(gone))
        news = [row.column for row, is_new in fresh if is_new and row.is_kept_away and row.severity == "quarantine"]
        if news:
            tenants.notify(
                "columns_quarantined",
                level=Level.WARNING,
                url=reverse("customers:quality"),
                columns=news[:5],
                count=len(news),
            )
    return [row for row, _is_new in fresh]


def _watch(frame: pd.DataFrame) -> list[leakage.Finding]:
    """Findings about the frame's columns. What a company never gave us is no finding: a standard field may well be empty."""
    if frame.empty:
        return []
    ours = {*selectors.FEATURES, *selectors.TREND_COLUMNS}
    looked_at = [
        name for name in frame.columns if name not in _BESIDE and (name not in ours or frame[name].notna().any())
    ]
    found = leakage.watch(frame[looked_at], frame["label"].to_numpy(), names=_headers())
    # A trend that is the same for everybody is our own doing, and nobody's to mend.
    return [f for f in found if f.severity != leakage.SET_ASIDE or f.column not in selectors.TREND_COLUMNS]


def _headers() -> dict[str, str]:
    """Standard field -> the header it had in the newest file: a column is judged by what the company calls it, too."""
    newest = selectors.written_imports().only("mapping").first()
    return {target: header for header, target in newest.columns.items()} if newest else {}


def _keep(row: ColumnFinding | None, finding: leakage.Finding) -> tuple[ColumnFinding, bool]:
    """The finding's row, and whether it says something new."""
    said = {"severity": finding.severity, "codes": list(finding.codes), "holds": True}
    if row is None:
        row = ColumnFinding(tenant=current_tenant(), column=finding.column)
        is_new = True
    else:
        is_new = any(getattr(row, name) != value for name, value in said.items())
    if row.overruled_as == leakage.SET_ASIDE and finding.severity == leakage.QUARANTINE:
        # "There is something to learn from it" is no answer to "it knows who left".
        for name, value in _UNDECIDED.items():
            setattr(row, name, value)
    if is_new:
        row.found_at = timezone.now()
    for name, value in said.items():
        setattr(row, name, value)
    row.evidence = finding.evidence
    row.save()
    return row, is_new


def _let_go(rows: list[ColumnFinding]) -> None:
    decided = [row.pk for row in rows if row.overruled_at is not None]
    ColumnFinding.objects.filter(pk__in=decided).update(holds=False)
    ColumnFinding.objects.filter(pk__in=[row.pk for row in rows]).exclude(pk__in=decided).delete()


# ---------------------------------------------------------------- what a person decides


def overrule_finding(*, finding: ColumnFinding, actor: User, reason: str) -> ColumnFinding:
    """Let the models learn from a column all the same, from the next training on. Raises Refused."""
    reason = reasons.reason(reason)
    if not reason:
        raise Refused("no_reason", _("Say why the column is known before anybody leaves: the reason is kept."))
    if finding.severity == ColumnFinding.Severity.WARN:
        raise Refused("not_kept_away", _("The models learn from this column already."))
    with transaction.atomic():
        decided = {"overruled_by": actor, "overruled_at": timezone.now(), "overrule_reason": reason}
        undecided = ColumnFinding.objects.filter(pk=finding.pk, overruled_at=None)
        if not undecided.update(**decided, overruled_as=F("severity")):
            raise Refused("already_overruled", _("Somebody has overruled this already."))
        finding.refresh_from_db()
        tenants.record("finding_overruled", finding, actor=actor, column=finding.column, reason=reason)
    return finding


def reinstate_finding(*, finding: ColumnFinding, actor: User, reason: str = "") -> ColumnFinding:
    """Keep an overruled column from the models again, from the next training on. Raises Refused."""
    reason = reasons.reason(reason)
    with transaction.atomic():
        if not ColumnFinding.objects.filter(pk=finding.pk).exclude(overruled_at=None).update(**_UNDECIDED):
            raise Refused("not_overruled", _("Nobody has overruled this."))
        finding.refresh_from_db()
        tenants.record("finding_reinstated", finding, actor=actor, column=finding.column, reason=reason)
        if not finding.holds:
            finding.delete()  # it was kept for the decision's sake only
    return finding
