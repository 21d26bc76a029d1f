"""Plotly figures as plain JSON: data and layout only, drawn in the page by static/src/js/charts.js.

Colours are named roles ("accent", "high", "muted"); the script turns them into the theme's colours, so that a figure is
right in light and dark. No plotly import here: building a figure costs microseconds.
"""

from __future__ import annotations


def figure(data: list[dict], *, x: str = "", y: str = "", **layout: object) -> dict:
    """A figure with titled axes. ``data``: Plotly traces; ``layout``: more of Plotly's layout."""
    return {
        "data": data,
        "layout": {
            "xaxis": {"title": {"text": x}, **layout.pop("xaxis", {})},
            "yaxis": {"title": {"text": y}, **layout.pop("yaxis", {})},
            **layout,
        },
    }
