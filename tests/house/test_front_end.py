"""What our pages take from other people's bundles, held against the bundle that is installed."""

import re
from pathlib import Path

import plotly

ROOT = Path(__file__).resolve().parents[2]


def test_the_style_that_plotly_adds_is_still_the_one_that_we_keep_away():
    """Plotly leaves its maps' style out where an element with this id stands; the policy would report it else."""
    ours = re.search(r'id="([0-9a-f]{64})"', (ROOT / "templates/components/chart_scripts.html").read_text())
    bundle = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    assert ours.group(1) in bundle.read_text(encoding="utf-8")
