"""What the pages show of a version: its card in words, tables and charts, and two cards side by side."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext as _

from customers.services import describe_cut
from customers.wording.features import feature_name
from tenants.models import User

from . import charts, registry, wording
from .models import ModelVersion
from .wording import card as words
from .wording import charge, gates, groups

SHOWN_COLUMNS = 12
_HEIGHTS = ((4, 180), (6, 220), (8, 260), (10, 320))  # bars of a chart -> its height


def brief(version: ModelVersion) -> dict[str, object]:
    """A version in a few words: what the overview says of the model in charge and of its challenger."""
    details = version.details
    return {
        "version": version,
        "algorithm": wording.algorithm(version.algorithm),
        "quality": wording.quality(version.metrics, details.get("intervals", {})),
        "worried": words.worried(details.get("worried", {})),
        "usual": words.usual(details.get("base_rate")),
        "gates": gates.in_words(version.gates),
        "gates_summary": gates.summary(version.gates),
        "is_blocked": bool(registry.blocking(version)),
        "needs_reason": bool(registry.open_gates(version)),
    }


def card(version: ModelVersion) -> dict[str, object]:
    """A version's whole card. Parts that were not measured when it was stored are empty."""
    details = version.details
    features, importance = details["features"], details["importance"]
    contributions = sorted(
        ({"name": feature_name(f["name"]), "size": size} for f, size in zip(features, importance, strict=False)),
        key=lambda row: -row["size"],
    )
    permutation = words.permutation(details.get("permutation", []), features, importance)
    lift = details.get("lift", [])
    told = brief(version)
    shown = told | {
        "figures": wording.figures(version.metrics, details["intervals"]),
        "candidates": [
            {**row, "title": wording.algorithm(row["title"])}
            for row in sorted(details["candidates"], key=lambda c: c["log_loss"])
        ],
        "choice": wording.choice(details["choice"]),
        "calibration_chart": charts.calibration(details["calibration"]),
        "calibration": words.calibration(
            details.get("calibration_line", {}), details.get("ece_by_luck", {}), version.metrics
        ),
        "importance_chart": charts.importance(contributions[:SHOWN_COLUMNS]),
        "permutation_chart": charts.permutation(permutation[:SHOWN_COLUMNS]) if permutation else None,
        "permutation": permutation,
        "lift": words.lift(lift),
        "captured": words.captured(lift),
        "capture_chart": charts.capture(lift) if lift else None,
        "confusions": words.confusions(details.get("confusion", []), version.metrics),
        "slices": groups.slices(details.get("slices", [])),
        "fairness": groups.fairness(details.get("fairness", [])),
        "tolerance": groups.tolerance(),
        "dependence": [_dependence(one, at) for at, one in enumerate(details.get("dependence", []))],
        "dated": _dated(details),
        "contacts": words.contacts(details.get("contacts", {})),
        "features": sorted(feature_name(f["name"]) for f in features),
        "set_aside": [(feature_name(name), wording.aside(reason)) for name, reason in details["set_aside"]],
        "watched": _watched(details),
    }
    return shown | {"told": told, "contents": _contents(shown)}


def _contents(shown: dict[str, object]) -> list[tuple[str, str]]:
    """The card's sections that have something to show: anchor and name."""
    watched = shown["watched"]
    has = shown | {"leaks": watched["kept_away"] or watched["doubtful"]}
    sections = (
        ("words", _("In words"), "quality"),
        ("figures", _("Figures"), "figures"),
        ("later", _("Then and later"), "dated"),
        ("gates", _("Gates"), "figures"),
        ("calibration-section", _("Does it keep its word?"), "figures"),
        ("lift", _("Whom it finds"), "capture_chart"),
        ("threshold", _("Whom it calls"), "confusions"),
        ("slices", _("By part of the base"), "slices"),
        ("fairness", _("Fairness"), "fairness"),
        ("columns", _("What it looks at"), "figures"),
        ("along", _("Along a column"), "dependence"),
        ("leaks", _("Leak watch"), "leaks"),
        ("candidates", _("Why this one"), "candidates"),
        ("record", _("For the record"), "figures"),
    )
    return [(anchor, name) for anchor, name, needs in sections if has[needs]]


def _dated(details: dict) -> dict[str, object] | None:
    """The days that a training by dates learned and was tested on, in words, with its figures on the later day."""
    if not details.get("cut"):
        return None
    later = details.get("later", {})
    return {
        "sentences": describe_cut(details["cut"]),
        "figures": wording.figures(later["metrics"], later["intervals"]) if later.get("metrics") else [],
        "rows": later.get("rows", 0),
        "churners": later.get("churners", 0),
    }


def _dependence(one: dict, at: int) -> dict[str, object]:
    names = [words.point_name(point) for point in one["points"]]
    is_line = any(point["kind"] == "number" for point in one["points"])
    height = next((high for most, high in _HEIGHTS if len(names) <= most), 360)
    return words.dependence(one) | {
        "number": str(at),
        "chart": charts.dependence(one, names),
        "height": 220 if is_line else height,
        "is_line": is_line,
    }


def _watched(details: dict) -> dict[str, object]:
    """What the leak watch did to this training; who overruled it is looked up, for a person may be erased."""
    found = wording.watched(details)
    asked = [entry["by"] for entry in found["forced_in"] if entry["by"]]
    people = User.objects.in_bulk(asked) if asked else {}
    forced_in = [
        {**entry, "who": people.get(entry["by"]), "when": datetime.fromisoformat(entry["at"])}
        for entry in found["forced_in"]
    ]
    return {**found, "forced_in": forced_in}


def promotions(lines: Iterable) -> list[dict[str, object]]:
    """Lines of who was put in charge, with how it came about and the gates that were not green then."""
    return [{"promotion": line, "kind": charge.kind(line), "open_gates": charge.open_gates(line)} for line in lines]


def against_champion(version: ModelVersion) -> dict | None:
    """The facts of a version's paired comparison with the model that was in charge when it was trained."""
    return next((gate["facts"] for gate in version.gates if gate["code"] == "champion"), None)


def compared(a: ModelVersion, b: ModelVersion) -> dict[str, object]:
    """Two versions side by side: figures, gates, columns that only one has, winners, and the paired comparison where the
    newer was trained beside the older."""
    newer, older = (a, b) if a.number > b.number else (b, a)
    rival = registry.version_in_charge_at(newer.trained_at)
    facts = against_champion(newer) if rival is not None and rival.pk == older.pk else None
    used = {one.pk: {f["name"] for f in one.details["features"]} for one in (a, b)}
    pairs = zip(*(wording.figures(one.metrics, one.details["intervals"]) for one in (a, b)), strict=True)
    return {
        "figures": [{"name": left["name"], "meaning": left["meaning"], "a": left, "b": right} for left, right in pairs],
        "gates": _gates_beside(a, b),
        "only_a": sorted(feature_name(name) for name in used[a.pk] - used[b.pk]),
        "only_b": sorted(feature_name(name) for name in used[b.pk] - used[a.pk]),
        "paired": charge.paired(facts or {}, newer=newer.number, older=older.number),
        "is_same_data": bool(a.fingerprint) and a.fingerprint == b.fingerprint,
        "sides": [
            brief(one)
            | {
                "side": side,
                "choice": wording.choice(one.details["choice"]),
                "calibration_chart": charts.calibration(one.details["calibration"]),
            }
            for side, one in (("a", a), ("b", b))
        ],
    }


def _gates_beside(a: ModelVersion, b: ModelVersion) -> list[dict[str, object]]:
    sides = [{gate["code"]: gate for gate in gates.in_words(one.gates)} for one in (a, b)]
    codes = dict.fromkeys([*sides[0], *sides[1]])
    return [{"title": gates.title(code), "a": sides[0].get(code), "b": sides[1].get(code)} for code in codes]
