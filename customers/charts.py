"""Small figures of the quality page, as attributes of SVG shapes: no style and no script, so hundreds fit on a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

WIDTH, HEIGHT = 160, 40
_GAP = 1.5
_WIDEST = 18.0  # of a bar, where a column has a few values only
_FEW_VALUES = 12  # numbers with so few values are drawn value by value
_SHOWN_VALUES = 6


def bars(column: Mapping[str, object]) -> dict[str, object] | None:
    """A column's distribution: ``kind`` (range or values), ``rows`` (x, y, width, height in units of WIDTH x HEIGHT)."""
    if is_by_value(column):
        counts = [count for _value, count in column["top"]]
        kind = "values"
    elif column.get("histogram"):
        counts = column["histogram"]["counts"]
        kind = "range"
    else:
        return None
    return {"kind": kind, "rows": _rows(counts), "width": WIDTH, "height": HEIGHT}


def _rows(counts: Sequence[int]) -> list[dict[str, str]]:
    most = max(counts, default=0) or 1
    pitch = min(WIDTH / max(len(counts), 1), _WIDEST)
    rows = []
    for place, count in enumerate(counts):
        height = max(HEIGHT * count / most, 1.0 if count else 0.0)  # the rarest still shows
        shape = {"x": place * pitch, "y": HEIGHT - height, "width": max(pitch - _GAP, 1.0), "height": height}
        rows.append({name: f"{size:.2f}" for name, size in shape.items()})
    return rows


def is_by_value(column: Mapping[str, object]) -> bool:
    """Whether a column is shown value by value: text with common values, and numbers that are but a few."""
    few = column["distinct_is_exact"] and column["distinct"] <= _FEW_VALUES
    return bool(column["top"]) and (column["kind"] == "category" or few)


def commonest(column: Mapping[str, object]) -> list[dict[str, object]]:
    """The commonest values: ``value``, ``count``, ``share`` of all rows (0 to 1), ``part`` of 1,000 for a bar; last the others."""
    rows = column["rows"] or 1
    top = [{"value": value, "count": count} for value, count in column["top"][:_SHOWN_VALUES]]
    rest = column["known"] - sum(entry["count"] for entry in top)
    if rest > 0 and top:
        top.append({"value": None, "count": rest})
    return [{**e, "share": e["count"] / rows, "part": round(1000 * e["count"] / rows)} for e in top]
