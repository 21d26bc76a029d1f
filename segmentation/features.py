"""What customers are grouped by: the columns asked for, the usual ones, and their values in the order of keys."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from django.utils.translation import gettext as _

from core.errors import Refused
from customers import selectors as customers
from predictions import score_frames
from predictions import selectors as predictions

RISK = "risk"
OF_USE = ("age", "montant_consommation", "nombre_appels", "volume_data", "nombre_sms")  # the source's five
WITHOUT_USE = ("tenure", "monthly_charges", customers.SERVICES, RISK)
WORTH = ("montant_consommation", "monthly_charges")  # what a customer brings, by which segments are ordered
MOST = 40


@dataclass(frozen=True, slots=True)
class Scores:
    """The scores that are shown, as arrays in the order of customers' keys; charges and label NaN where unknown."""

    keys: np.ndarray
    risk: np.ndarray
    label: np.ndarray
    charges: np.ndarray

    def at(self, keys: np.ndarray, column: np.ndarray) -> np.ndarray:
        """float64 [n]: a column's values of these customers, NaN for who was not scored."""
        found = np.full(len(keys), np.nan)
        if len(self.keys):
            place = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
            is_there = self.keys[place] == keys
            found[is_there] = column[place[is_there]]
        return found


Offered = Mapping[str, customers.NumericColumn | None]


def offered(chosen: Collection[str] | None = None) -> Offered:
    """Columns that customers may be grouped by, by name; None for the risk, which is no column of theirs. Looks through all
    months of use: asked once for a run. ``chosen``: only these and the usual ones are looked for, which is quick."""
    among = None if chosen is None else {*chosen, *OF_USE, *WITHOUT_USE, *WORTH}
    found: dict[str, customers.NumericColumn | None] = dict(customers.numeric_columns(among))
    if predictions.current_run() is not None:
        found[RISK] = None
    return found


def usual(known: Offered | None = None) -> tuple[str, ...]:
    """The source's five where there is any use; else what a subscription tells, and the risk once it is known."""
    known = offered(()) if known is None else known
    wanted = OF_USE if any(name in known for name in OF_USE if name != "age") else WITHOUT_USE
    return tuple(name for name in wanted if name in known)


def checked(names: Sequence[str], known: Offered | None = None) -> tuple[str, ...]:
    """The names asked for, once each; the usual ones where none are. Raises Refused: unknown_feature, too_many_features."""
    known = offered(names) if known is None else known
    if not names:
        return usual(known)
    asked = tuple(dict.fromkeys(names))
    for name in asked:
        if name not in known:
            raise Refused(
                "unknown_feature", _("No column of numbers is called %(name)s.") % {"name": name}, feature=name
            )
    if len(asked) > MOST:
        raise Refused("too_many_features", _("At most %(n)s columns at a time.") % {"n": MOST}, most=MOST)
    return asked


def shown_scores() -> Scores:
    """Everybody's risk, outcome and charges by the scoring that is shown: 32 bytes a customer."""
    run = predictions.current_run()
    parts = list(score_frames.scored_blocks(run, block=200_000)) if run else []
    if not parts:
        none = np.empty(0)
        return Scores(np.empty(0, dtype=np.int64), none, none, none)
    return Scores(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def blocks(
    names: Sequence[str], scores: Scores, known: Offered | None = None, *, after: int = 0, halves: bool = False
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Everybody with a key over ``after``: (key int64 [n], values float64 [n, p] in the order of names, worth float64 [n]).
    ``halves``: see ``customers.chosen_frames``."""
    known = offered(names) if known is None else known
    worth = next((name for name in WORTH if name in known), WORTH[-1])
    wanted = [name for name in dict.fromkeys((*names, worth)) if name != RISK]
    for keys, values in customers.chosen_frames([known[name] for name in wanted], after=after, halves=halves):
        own = {name: values[:, at] for at, name in enumerate(wanted)}
        if RISK in names:
            own[RISK] = scores.at(keys, scores.risk)
        mine = values if list(names) == wanted else np.column_stack([own[name] for name in names])
        yield keys, mine, own[worth]
