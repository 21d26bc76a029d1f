"""The part of this stage's services that keeps scores when two customers become one."""

from __future__ import annotations

from .models import Score


def move_scores(*, kept_id: int, gone_id: int) -> int:
    """Give the one who stays the scores of the one who goes, in runs where they have none. Returns how many moved.

    In runs that scored both, the score of the one who stays is theirs; the other is deleted.
    """
    scored = Score.objects.filter(customer_id=kept_id).values("run_id")
    theirs = Score.objects.filter(customer_id=gone_id)
    theirs.filter(run_id__in=scored).delete()
    return theirs.update(customer_id=kept_id)
