"""The examples of docs/api.md: they speak of what there is, and they run, in their order, against a server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from core import openapi
from tenants import api_keys, permissions
from tenants.models import Membership
from tenants.scoping import tenant_scope
from tests.api import conformance

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
BLOCKS = re.findall(r"^```(sh|python)\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
# With it the documented command stops where the answer is an error.
CURL = 'curl() { command curl --silent --show-error --fail-with-body --max-time 300 "$@"; }\nset -e\n'


def test_every_scope_that_a_key_can_have_is_told():
    told = set(re.findall(r"^\| `(\w+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert told == set(permissions.FOR_KEYS)


def test_examples_ask_what_there_is():
    known = {re.sub(r"\{\w+\}", "*", path) for path in openapi.document()["paths"]}
    for _kind, text in BLOCKS:
        for path in re.findall(r"[\"'Dd](/api/[\w/\-{}]*)", text):
            route = conformance.route_of(path.replace("{label}", "S1"))
            assert route, path
            assert re.sub(r"\{\w+\}", "*", openapi.path_of(route)) in known


def test_every_capability_has_an_example_in_both_languages():
    """Of each scope at least one operation is asked by an example, if only to look."""
    asked = {kind: " ".join(text for k, text in BLOCKS if k == kind) for kind in ("sh", "python")}
    assert all(
        f"/api/{name}" in asked["sh"]
        for name in (
            "imports",
            "train",
            "score",
            "scorings",
            "customers",
            "usage",
            "segments",
            "offers",
            "rule-segments/count",
            "campaign/bulk",
            "campaigns",
            "jobs",
        )
    )
    scopes = set()
    for path, methods in openapi.document()["paths"].items():
        fixed = path.split("{")[0].rstrip("/")
        if f'"{fixed}"' in asked["python"] or f'"{fixed}/' in asked["python"]:
            scopes |= {scope for said in methods.values() for scope in said["security"][0][openapi.KEY]}
    # The rest is done at addresses that answers give (promote, pause, adopt, look now), or with these.
    assert scopes >= {
        "view_customers", "view_models", "view_campaigns", "view_notifications", "import_customers", "train_models",
        "score_customers", "set_economics", "refresh_segments", "save_rule_segments", "allocate_offers", "write_messages",
        "compose_campaigns", "propose_churn_definition", "curate_data", "name_segments", "record_consent", "edit_offers",
        "retry_jobs", "set_routine", "erase_customers", "approve_campaigns", "run_campaigns", "manage_feeds",
    }  # fmt: skip


@pytest.mark.slow
def test_examples_run(transactional_db, cast, quick_race, live_server, sample_csv, tmp_path, settings, monkeypatch):
    """Jobs run at once, within the request that asks for them."""
    settings.PUBLIC_URL, settings.RAW_DATA_PATH = live_server.url, tmp_path / "raw"
    if shutil.which("curl") is None:
        pytest.skip("the shell's examples need curl")
    with tenant_scope(cast.atlas):
        place = Membership.objects.get(user=cast.olfa, tenant=cast.atlas)
        _key, text = api_keys.make_key(membership=place, name="docs", scopes=permissions.FOR_KEYS)
    shutil.copy(sample_csv, tmp_path / "customers.csv")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHURNGUARD", live_server.url)
    monkeypatch.setenv("CHURNGUARD_KEY", text)
    names: dict[str, object] = {"__name__": "examples"}
    try:
        _run(names)
    finally:
        names["api"].close()  # or the server waits for the rest of its connection


def _run(names: dict[str, object]) -> None:
    for number, (kind, block) in enumerate(BLOCKS, 1):
        told = f"block {number} of docs/api.md:\n{block}"
        if kind == "python":
            try:
                exec(compile(block, f"docs/api.md, block {number}", "exec"), names)
            except Exception as error:
                answer = getattr(getattr(error, "response", None), "text", "")
                raise AssertionError(f"{told}\n{error!r}\n{answer}") from error
        else:
            done = subprocess.run(
                ["bash", "-c", CURL + block], capture_output=True, text=True, env=os.environ, check=False
            )
            wanted = 22 if "# 404" in block else 0  # curl's word for an answer above 399
            assert done.returncode == wanted, f"{told}\n{done.stdout[-2000:]}\n{done.stderr[-500:]}"
            assert done.stdout, told
