"""Alert rules and the dashboard ask for figures that /metrics gives, with labels that it has; and each alert is explained."""

import json
import re
import time
from pathlib import Path

import promql_parser
import pytest
import yaml
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from churnguard.keeping import figures
from churnguard.system import stock
from core import broker, metrics
from core.backups import reports
from core.models import JobState
from predictions.models import DriftReport, ModelVersion, ScoringRun, TrainingRun
from tenants.scoping import tenant_scope

ROOT = Path(__file__).resolve().parents[1]
RULES = [
    rule
    for group in yaml.safe_load((ROOT / "deploy/watch/alerts.yml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
PANELS = json.loads((ROOT / "deploy/watch/grafana.json").read_text(encoding="utf-8"))["panels"]
ASKED = [(rule["alert"], rule["expr"]) for rule in RULES] + [
    (panel["title"], target["expr"].replace("$__rate_interval", "5m"))
    for panel in PANELS
    for target in panel.get("targets", ())
]
_PARTS = ("lhs", "rhs", "expr", "param", "vector_selector")


def nodes(node):
    """A query's tree, one node after the other."""
    if node is None:
        return
    yield node
    for name in _PARTS:
        yield from nodes(getattr(node, name, None))
    for child in getattr(node, "args", None) or ():
        yield from nodes(child)


@pytest.fixture
def given(atlas, settings, monkeypatch, tmp_path, db) -> dict[str, set[str]]:
    """The name of each sample that a busy installation gives, and its labels."""
    monkeypatch.setattr(broker, "has_broker", lambda: True)
    monkeypatch.setattr(broker, "workers", lambda: [broker.Worker("w@h", tuple(broker.QUEUES), 2, 0.0, time.time())])
    monkeypatch.setattr(broker, "waiting", lambda: dict.fromkeys(broker.QUEUES, 0))
    monkeypatch.setattr(broker, "swept_at", time.time)
    with tenant_scope(atlas):
        training = TrainingRun.objects.create(state=JobState.SUCCEEDED)
        version = ModelVersion.objects.create(
            run=training, number=1, algorithm="x", metrics={}, rows=1, seed=1, fingerprint="x"
        )
        now = timezone.now()
        ScoringRun.objects.create(version=version, state=JobState.SUCCEEDED, is_current=True, finished_at=now)
        DriftReport.objects.create(version=version, state=JobState.SUCCEEDED, verdict="moved_much", finished_at=now)
    metrics.note_request(route="dashboard:dashboard", method="GET", status=500, seconds=0.1)
    settings.VAR_DIR = tmp_path
    reports.note(reports.BACKUP, facts={"seconds": 1.5, "bytes": 4096, "new_bytes": 512})
    reports.note(reports.DRILL, facts={"seconds": 2.5})
    monkeypatch.setattr(metrics, "_providers", {"stock": stock.metrics, "backups": figures.metrics})
    settings.METRICS_SECONDS = 0
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(metrics.exposition().decode()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def test_every_question_is_of_figures_that_there_are(given):
    for title, expression in ASKED:
        for node in nodes(promql_parser.parse(expression)):
            if not isinstance(node, promql_parser.VectorSelector):
                continue
            assert node.name in given, f"{title}: nothing is called {node.name}"
            unknown = {matcher.name for matcher in node.matchers.matchers} - given[node.name]
            assert not unknown, f"{title}: {node.name} has no {unknown}"


def test_groups_and_legends_name_labels_that_are_left(given):
    every = set().union(*given.values())
    for title, expression in ASKED:
        grouped = {
            label
            for node in nodes(promql_parser.parse(expression))
            for label in (getattr(getattr(node, "modifier", None), "labels", None) or ())
        }
        assert grouped <= every, title
    texts = [rule["annotations"]["summary"] for rule in RULES]
    texts += [target["legendFormat"] for panel in PANELS for target in panel.get("targets", ())]
    for text in texts:
        named = set(re.findall(r"\{\{ ?(?:\$labels\.)?(\w+) ?\}\}", text))
        assert named <= every, text


def test_each_alert_is_explained_and_says_whom_it_wakes():
    told = (ROOT / "docs/watching.md").read_text(encoding="utf-8")
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert f"**{rule['alert']}**" in told, f"docs/watching.md says nothing of {rule['alert']}"
        assert rule["labels"]["severity"] in ("page", "ticket")
    explained = set(re.findall(r"\*\*(ChurnGuard\w+)\*\*", told))
    assert explained == {rule["alert"] for rule in RULES}


def test_every_figure_is_told_in_the_documentation(given):
    told = (ROOT / "docs/watching.md").read_text(encoding="utf-8")
    for name in given:
        if name.startswith("churnguard_"):
            assert re.sub(r"_(bucket|count|sum|total|created)$", "", name) in told, name


def test_dashboard_shows_backups_and_when_they_fail():
    asked = " ".join(expression for title, expression in ASKED if title not in {rule["alert"] for rule in RULES})
    for name in ("backup_age_seconds", "restore_drill_age_seconds", "backup_failing", "restore_drill_failing"):
        assert f"churnguard_{name}" in asked


def test_panels_do_not_overlap():
    taken: set[tuple[int, int]] = set()
    for panel in PANELS:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert max(x for x, _y in cells) < 24, panel["title"]
        taken |= cells
