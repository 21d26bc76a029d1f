"""Every chart of the segments as files: HTML, JSON, and PNG where a renderer is installed."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from core.errors import Refused
from tenants.scoping import current_tenant

from . import charts, selectors
from .models import Segment

# The theme's colours by daylight, as static/src/app.css has them: a file has no theme to ask.
_COLOURS = {
    "accent": "#4b3fc4", "low": "#12826b", "medium": "#c77700", "high": "#c02b3f", "muted": "#a7a2b0", "grid": "#ece9e2",
    "surface": "#ffffff", "text": "#4b4954", "moved": "rgba(199, 119, 0, 0.42)", "stayed": "rgba(120, 116, 130, 0.2)",
    **{f"series-{n}": colour for n, colour in enumerate(
        ("#4b3fc4", "#0e8f9e", "#c77700", "#b3377f", "#5c8a1e", "#2f6fd0", "#a8501f", "#7a4fb5", "#12826b", "#8a8294"), 1
    )},
}  # fmt: skip
_WIDTH, _HEIGHT = 900, 560


def all_figures() -> dict[str, dict]:
    """Name -> Plotly figure of the segmentation in force, colours as roles. Raises Refused where there is none."""
    run, currency = selectors.current_run(), current_tenant().currency
    if run is None:
        raise Refused("no_segmentation", _("The customers have not been divided into segments yet."))
    profiles = selectors.profiles(run)
    names = run.figures["features"]
    found: dict[str, dict | None] = {
        "cluster_distribution": charts.distribution(profiles),
        "cluster_profiles": charts.radar(profiles, names) if len(names) > 2 else None,
        "at_stake": charts.stakes(profiles, currency) if any(p.stakes for p in profiles) else None,
        "moves": charts.moves(run.flow, {s.number: s.label for s in Segment.objects.all()}),
        "how_many": charts.quality(run.advice["candidates"], len(profiles)) if run.advice.get("candidates") else None,
        **{f"feature_{_file_name(name)}": charts.boxes(profiles, name) for name in names},
    }
    return {name: figure for name, figure in found.items() if figure}


def write_all(folder: Path | None = None) -> dict[str, object]:
    """Write them to FIGURES_PATH/<company>/. Returns the folder, the files, and why there is no PNG where there is none."""
    import plotly.graph_objects as go
    import plotly.io as pio

    folder = folder or Path(settings.FIGURES_PATH) / str(current_tenant().slug)
    folder.mkdir(parents=True, exist_ok=True)
    renders, why = importlib.util.find_spec("kaleido") is not None, ""
    if not renders:
        why = _("No PNG: install kaleido and a Chromium, and run this again.")
    files = []
    for name, figure in all_figures().items():
        drawn = go.Figure(painted(figure))
        drawn.update_layout(template="plotly_white", font={"color": _COLOURS["text"]})
        (folder / f"{name}.json").write_text(
            json.dumps(json.loads(drawn.to_json()), ensure_ascii=False), encoding="utf-8"
        )
        page = pio.to_html(drawn, include_plotlyjs="directory", full_html=True, default_width="100%")
        (folder / f"{name}.html").write_text(page, encoding="utf-8")
        files += [f"{name}.json", f"{name}.html"]
        if renders:
            try:
                drawn.write_image(folder / f"{name}.png", width=_WIDTH, height=_HEIGHT, scale=2)
                files.append(f"{name}.png")
            except Exception as error:  # a renderer without its browser: HTML and JSON are there all the same
                renders, why = False, _("No PNG: %(error)s") % {"error": str(error).strip().splitlines()[0][:200]}
    _write_script(folder)
    return {"folder": str(folder), "files": files, "png": renders, "why_no_png": why}


def _write_script(folder: Path) -> None:
    """Plotly beside the pages, once: they work with no network."""
    from plotly.offline import get_plotlyjs

    (folder / "plotly.min.js").write_text(get_plotlyjs(), encoding="utf-8")


def painted(value: object, key: str = "") -> object:
    """The figure with colours instead of roles, as static/src/js/charts.js does it in a page."""
    if isinstance(value, dict):
        return {name: painted(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [painted(item, key) for item in value]
    if key.endswith("color") or key == "colors":
        return _COLOURS.get(value, value) if isinstance(value, str) else value
    return value


def _file_name(name: str) -> str:
    return "".join(c if c.isalnum() or c in "_-" else "_" for c in name)[:60]
