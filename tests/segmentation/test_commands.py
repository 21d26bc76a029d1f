"""``refresh_segments`` and ``export_figures``: the promised JSON and files, in the foreground, with no broker."""

import importlib.util
import io
import json

import pytest
from django.core.management import CommandError, call_command

from segmentation import selectors
from segmentation.models import Segmentation
from tenants.scoping import tenant_scope

from .conftest import MANY, divide

KEYS = {
    "finished_at", "customers", "k", "features", "importance", "imputed", "set_aside", "segments", "moves", "advice",
    "has_clusters",
}  # fmt: skip


@pytest.fixture(autouse=True)
def no_broker(monkeypatch):
    from segmentation.tasks import assign_newcomers, refresh_segments

    for task in (refresh_segments, assign_newcomers):
        monkeypatch.setattr(task, "apply_async", lambda **_: pytest.fail("rang"))


def run(command: str, *options: str) -> dict:
    out = io.StringIO()
    call_command(command, "--tenant", "atlas-telecom", "--json", *options, stdout=out)
    return json.loads(out.getvalue(), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_refresh_prints_the_promised_object(used):
    told = run("refresh_segments")
    assert set(told) == KEYS
    assert (told["customers"], told["k"]) == (MANY, 5)
    assert [one["label"] for one in told["segments"]] == ["S1", "S2", "S3", "S4", "S5"]
    assert all(one["persona"] and one["portrait"] for one in told["segments"])


def test_number_and_columns_are_as_the_options_say(used):
    told = run("refresh_segments", "--k", "4", "--features", "age", "volume_data")
    assert (told["k"], told["features"]) == (4, ["age", "volume_data"])
    assert len(told["segments"]) == 4


def test_refresh_again_tells_who_moved(divided):
    moves = run("refresh_segments")["moves"]
    assert moves["stayed"] == 1.0 and sum(link["customers"] for link in moves["links"]) == MANY


def test_refresh_for_a_person_is_a_line_for_each_segment(divided):
    out = io.StringIO()
    call_command("refresh_segments", "--tenant", "atlas-telecom", stdout=out)
    lines = out.getvalue().splitlines()
    assert [line[:2] for line in lines[:5]] == ["S1", "S2", "S3", "S4", "S5"]
    assert "20.0 %" in lines[0] and "Customers with" in lines[0]


def test_progress_is_on_the_other_stream(used, capsys):
    run("refresh_segments")
    said = capsys.readouterr()
    assert said.out == "" and "Dividing" in said.err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [(["--k", "40"], "Choose from 2 to 10"), (["--features", "shoe_size"], "No column of numbers is called shoe_size")],
)
def test_what_cannot_be_asked_is_one_sentence(atlas, used, options, sentence):
    with pytest.raises(CommandError, match=sentence):
        call_command("refresh_segments", "--tenant", "atlas-telecom", *options)
    with tenant_scope(atlas):
        assert not Segmentation.objects.exists()


def test_refusal_is_json_too_for_a_program(used):
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("refresh_segments", "--tenant", "atlas-telecom", "--json", "--features", "shoe_size", stdout=out)
    assert json.loads(out.getvalue())["error"]["code"] == "unknown_feature"


def test_nobody_to_divide_is_one_sentence(atlas):
    with pytest.raises(CommandError, match="no customer to group"):
        call_command("refresh_segments", "--tenant", "atlas-telecom")


@pytest.mark.parametrize("command", ["refresh_segments", "export_figures"])
def test_unknown_company_is_one_sentence(db, command):
    with pytest.raises(CommandError, match="There is no company"):
        call_command(command, "--tenant", "nobody")


# ---------------------------------------------------------------- figures as files


@pytest.fixture
def folder(settings, tmp_path):
    settings.FIGURES_PATH = tmp_path / "figures"
    return settings.FIGURES_PATH / "atlas-telecom"


def test_every_chart_is_written_as_page_and_as_json(atlas, divided, folder):
    with tenant_scope(atlas):
        divide()
    told = run("export_figures")
    names = {"cluster_distribution", "cluster_profiles", "moves"} | {
        f"feature_{name}" for name in selectors_features(atlas)
    }
    written = {path.name for path in folder.iterdir()}
    assert written >= {f"{name}.{kind}" for name in names for kind in ("html", "json")} | {"plotly.min.js"}
    assert set(told["files"]) | {"plotly.min.js"} == written
    assert told["folder"] == str(folder)
    for name in names:
        figure = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        assert figure["data"], name
        assert "series-" not in json.dumps(figure), "colours, not the names of their roles"
        page = (folder / f"{name}.html").read_text(encoding="utf-8")
        assert 'src="plotly.min.js"' in page and "cdn" not in page.split("</head>")[0]


def selectors_features(atlas) -> list[str]:
    with tenant_scope(atlas):
        return selectors.current_run().figures["features"]


def test_without_a_renderer_there_is_no_picture_and_that_is_said(divided, folder, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "kaleido" else find(name, *rest)
    )
    told = run("export_figures")
    assert told["png"] is False and "kaleido" in told["why_no_png"]
    assert not list(folder.glob("*.png"))


def test_no_figures_where_nobody_was_divided(used, folder):
    with pytest.raises(CommandError, match="have not been divided"):
        call_command("export_figures", "--tenant", "atlas-telecom")
    assert not list(folder.glob("*.html"))
