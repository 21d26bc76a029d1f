"""What a run found, as rows: segments with lasting numbers, their portraits, moves, and what they stand to lose."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
from django.conf import settings
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from core.errors import Refused
from customers import services as customer_services
from tenants import services as tenants
from tenants.models import User
from tenants.scoping import current_tenant

from .. import selectors
from ..clustering import naming, personas
from ..clustering.preparation import Preparation
from ..clustering.profiles import Profile
from ..features import Scores
from ..models import Segment, Segmentation, SegmentProfile
from ..wording_names import label
from ..wording_personas import persona_of_code
from . import members

LONGEST_PERSONA = 60
_NAMED_AT_ONCE = 20_000


def segments_for(numbers: np.ndarray) -> dict[int, Segment]:
    """The lasting rows of these numbers; those that were never given are made."""
    tenant = current_tenant()
    found = {}
    for number in numbers.tolist():
        found[number], _new = Segment.objects.get_or_create(
            tenant=tenant, number=number, defaults={"label": label(number)}
        )
    return found


def flow_from(before: Segmentation | None, keys: np.ndarray, numbers: np.ndarray) -> dict[str, object]:
    """Who went from where to where since the run before: links, the share that stayed, how alike the groupings are."""
    if before is None or not before.has_members:
        return {}
    found = naming.flow(*members.read(before), keys, numbers)
    links = [
        {"from": old, "to": new, "customers": found.counts[i][j]}
        for i, old in enumerate(found.olds)
        for j, new in enumerate(found.news)
        if found.counts[i][j]
    ]
    return {
        "links": links,
        "common": found.common,
        "stayed": found.stayed,
        "agreement": found.agreement,
        "joined": sum(found.joined),
        "left": sum(found.left),
        "since": before.finished_at.isoformat() if before.finished_at else None,
    }


def draw(
    profile: Profile, segments: Sequence[Segment], labels: np.ndarray, keys: np.ndarray, scores: Scores
) -> list[SegmentProfile]:
    """A portrait of each label, not saved yet."""
    told = personas.portraits(profile)
    lost = stakes(labels, keys, len(segments), scores)
    return [
        SegmentProfile(
            tenant=current_tenant(),
            segment=segment,
            size=profile.counts[at],
            percentage=profile.shares[at],
            mean_values={one.name: one.means[at] for one in profile.features},
            scaled={one.name: one.radar[at] for one in profile.features},
            quartiles={one.name: list(one.quartiles[at]) for one in profile.features if one.quartiles[at]},
            portrait=told[at].as_json(),
            stakes=lost[at],
        )
        for at, segment in enumerate(segments)
    ]


def stakes(labels: np.ndarray, keys: np.ndarray, k: int, scores: Scores) -> list[dict[str, object]]:
    """Of each label, among those still here: mean risk, bands, charges a month and how much of them is at risk. {} where
    nobody of them was scored."""
    if not len(scores.keys):
        return [{} for _label in range(k)]
    tenant = current_tenant()
    risk, left, charges = (scores.at(keys, column) for column in (scores.risk, scores.label, scores.charges))
    found: list[dict[str, object]] = []
    for at in range(k):
        mine = (labels == at) & ~np.isnan(risk) & (left != 1)
        count = int(mine.sum())
        if not count:
            found.append({})
            continue
        own, paid = risk[mine], np.nan_to_num(charges[mine])
        high, medium = int((own >= tenant.risk_high).sum()), int((own >= tenant.risk_medium).sum())
        found.append(
            {
                "customers": count,
                "risk": float(own.mean()),
                "bands": {"high": high, "medium": medium - high, "low": count - medium},
                "charges": round(float(paid.sum()), 3),
                "charges_at_risk": round(float((paid * own).sum()), 3),
            }
        )
    return found


def figures(
    asked: Sequence[str], preparation: Preparation, profile: Profile, numbers: np.ndarray, before: Segmentation | None
) -> dict[str, object]:
    """What pages and endpoints show of a run: features in the order asked for, their weight, points, what was filled in."""
    known = {one.name: one for one in profile.features}
    order = [name for name in asked if name in known]
    return {
        "features": order,
        "importance": {name: round(known[name].importance, 4) for name in order},
        "means": {name: known[name].mean for name in order},
        "points": {
            name: {
                "values": [float(f"{value:.6g}") for value in known[name].points.values],
                "segments": [int(numbers[at]) for at in known[name].points.labels],
            }
            for name in order
        },
        "imputed": {name: count for name, count in preparation.imputed.items() if count},
        "set_aside": [{"feature": name, "code": code} for name, code in preparation.set_aside],
        "other_features_than_before": bool(before) and before.figures.get("features") != order,
    }


def keep(run: Segmentation, drawn: Sequence[SegmentProfile]) -> None:
    """Write the portraits of a run. Inside the transaction that shows it."""
    for portrait in drawn:
        portrait.segmentation = run
        portrait.save()
        segment = portrait.segment
        segment.persona_code = _code(portrait.portrait)
        segment.save(update_fields=["persona_code"])


def _code(portrait: Mapping) -> str:
    if portrait["persona"] == "standout":
        feature, direction = portrait["standout"]
        return f"standout:{direction}:{feature}"[:160]
    return portrait["persona"]


def personas_in_use() -> tuple[dict[int, str], set[str]]:
    """(number -> persona, in the company's language; every persona that segments ever gave, which may be replaced)."""
    names, replaced = {}, set()
    with translation.override(current_tenant().locale or settings.LANGUAGE_CODE):
        for segment in Segment.objects.all():
            replaced |= set(segment.personas_written)
            if not segment.is_retired:
                names[segment.number] = persona_of(segment)[:LONGEST_PERSONA]
    return names, replaced | set(names.values())


def personas_to_write(run: Segmentation) -> tuple[dict[int, str], set[str], set[int]]:
    """As ``personas_in_use``, and the numbers whose customers have another persona yet; noted as written from here on."""
    names, replaced = personas_in_use()
    changed = set()
    for segment in Segment.objects.filter(number__in=names):
        name = names[segment.number]
        if segment.personas_written[-1:] != [name]:
            changed.add(segment.number)
            segment.personas_written = [*(one for one in segment.personas_written if one != name), name]
            segment.save(update_fields=["personas_written"])
    return names, replaced, changed


def write_personas(
    keys: np.ndarray, numbers: np.ndarray, names: Mapping[int, str], replaced: Collection[str]
) -> Iterator[float]:
    """Give these customers (keys int64 [n], numbers int [n]) their segments' personas; gives the share that is done."""
    for place, (number, name) in enumerate(sorted(names.items())):
        mine = keys[numbers == number]
        for start in range(0, len(mine), _NAMED_AT_ONCE):
            part = mine[start : start + _NAMED_AT_ONCE]
            customer_services.set_persona(keys=part, persona=name, replaces=replaced)
            yield (place + (start + len(part)) / len(mine)) / len(names)


def persona_of(segment: Segment) -> str:
    """What the segment is called: as a person said, else as its figures suggest."""
    return segment.persona or persona_of_code(segment.persona_code)


def free_persona(segment: Segment, persona: str) -> str:
    """The name without needless spaces, where the segment may have it. Raises Refused as ``rename_segment`` does."""
    name = " ".join(persona.split())
    if "\x00" in name:  # which no database takes; signs that join or turn letters are some languages' own
        raise Refused("persona_unprintable", _("A name is made of signs that can be seen."))
    if len(name) > LONGEST_PERSONA:
        raise Refused("persona_too_long", _("At most %(n)s characters.") % {"n": LONGEST_PERSONA})
    others = Segment.objects.filter(is_retired=False).exclude(pk=segment.pk)
    if name and any(persona_of(other).casefold() == name.casefold() for other in others):
        raise Refused("persona_taken", _("Another segment is called so."))
    return name


def rename_segment(*, segment: Segment, persona: str, actor: User | None) -> Segment:
    """Call a segment's kind of customer by a name of one's own; "" gives back the one that its figures suggest.

    Its customers get the name with the next assignment, which the caller may ring for (``open_assignment``). Raises Refused:
    ``persona_too_long``, ``persona_taken``.
    """
    name = free_persona(segment, persona)
    with transaction.atomic():
        segment.persona, segment.renamed_by = name, actor
        segment.save(update_fields=["persona", "renamed_by"])
        tenants.record("segment_renamed", segment, actor=actor)
    return segment


def refresh_stakes(run: Segmentation, keys: np.ndarray, numbers: np.ndarray, scores: Scores) -> None:
    """What each segment stands to lose by the scores that are shown now."""
    found = selectors.profiles(run)
    places = {portrait.segment.number: at for at, portrait in enumerate(found)}
    table = np.full(max(places, default=0) + 1, -1)
    for number, place in places.items():
        table[number] = place
    for portrait, lost in zip(found, stakes(table[numbers], keys, len(found), scores), strict=True):
        portrait.stakes = lost
        portrait.save(update_fields=["stakes"])
