"""Questions about accounts of profit: which one is shown, whether another one runs, and whether the shown one is of older costs."""

from __future__ import annotations

from dataclasses import dataclass

from core.models import OPEN_STATES

from . import registry, selectors
from .models import Economics, ProfitRun, ScoringRun

FIELDS = (
    "contact_cost", "offer_cost", "acceptance", "stayer_acceptance", "margin", "horizon_months", "discount_rate",
)  # fmt: skip


def told(said: Economics) -> dict[str, float]:
    """What was said of costs, as an account keeps it."""
    return {name: float(getattr(said, name)) for name in FIELDS}


@dataclass(frozen=True, slots=True)
class Standing:
    """What was said, the scoring that is shown, the newest finished account, the open one, and the last if it failed."""

    economics: Economics | None
    run: ScoringRun | None
    shown: ProfitRun | None
    open: ProfitRun | None
    failed: ProfitRun | None

    @property
    def is_of_older_costs(self) -> bool:
        return bool(self.shown and self.economics and self.shown.economics != told(self.economics))

    @property
    def is_of_older_scores(self) -> bool:
        return bool(self.shown and self.run and self.shown.scoring_id != self.run.pk)

    @property
    def can_be_asked(self) -> bool:
        """Whether there is anything to account for, and no account of just that."""
        if self.economics is None or self.run is None or self.open is not None:
            return False
        return self.shown is None or self.is_of_older_costs or self.is_of_older_scores or self.failed is not None


def standing() -> Standing:
    """Where the company in scope stands."""
    newest = ProfitRun.objects.order_by("-requested_at", "-pk")
    shown = newest.filter(state="succeeded").select_related("scoring__version").first()
    last = newest.defer("curve", "backtest").first()
    return Standing(
        economics=registry.economics(),
        run=selectors.current_run(),
        shown=shown,
        open=last if last and last.state in OPEN_STATES else None,
        failed=last if last and last.state in ("failed", "dead", "cancelled") else None,
    )
