"""An import on its pages: the columns are shown and agreed, the dry run is looked at, the file is written and taken back."""

import re
import zipfile
from xml.sax.saxutils import escape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from core.models import JobState
from customers import services as customers
from customers.models import Customer, Import, ImportStep, UsageRecord
from tenants.scoping import tenant_scope
from tests.everywhere import every

STATES = ("Stayed", "Churned", "Stayed", "Joined")
LINES = [
    "Client Nr,Situation,tenure,MonthlyCharges,Zone,Mystery",
    *(f"C{n:03},{STATES[n % 4]},{n % 60},{20 + n % 9}.5,{'NSEW'[n % 4]}," for n in range(80)),
]
CLIENT, SITUATION, TENURE, CHARGES, ZONE, MYSTERY = range(6)


@pytest.fixture(autouse=True)
def bell(monkeypatch):
    from customers.tasks import run_import

    heard = []
    monkeypatch.setattr(run_import, "apply_async", lambda *, kwargs, **_: heard.append(kwargs))
    return heard


@pytest.fixture
def anna(client_for, cast):
    return client_for(cast.anna)


def upload(client, lines=LINES, name="customers.csv", content: bytes | None = None) -> Import:
    content = content if content is not None else ("\n".join(lines) + "\n").encode()
    answer = client.post("/imports/upload", {"file": SimpleUploadedFile(name, content)})
    assert answer.status_code == 302, answer.content.decode()
    return every(Import).get(public_id=answer["Location"].rsplit("/", 1)[1])


def work(run: Import) -> Import:
    """What a worker would do now."""
    with tenant_scope(run.tenant):
        return customers.run_import(import_id=run.pk, follow=False)


def page(client, run: Import) -> str:
    answer = client.get(f"/imports/{run.public_id}")
    assert answer.status_code == 200
    return answer.content.decode()


def sent(run: Import, **changes) -> dict[str, str]:
    """The columns page's form as it stands, with some answers changed; None takes a field out."""
    mapping = run.mapping
    targets = mapping["columns"]
    places = {column["header"]: str(column["position"]) for column in run.proposal["columns"]}
    label = next((h for h, entry in targets.items() if entry["target"] == "churn_label"), None)
    number = next((h for h, entry in targets.items() if entry["target"] == "external_id"), None)
    form = {"identity": places[number] if number else mapping["id"], "label": places[label] if label else ""}
    for header, entry in targets.items():
        is_own = header in (label, number)  # chosen by itself: what its select stands at is what it would be else
        kept = ("ignore",) if is_own else (entry["target"], entry.get("type"))
        form[f"column_{places[header]}"] = ":".join(filter(None, kept))
    if label:
        form |= {"values_of": places[label]}
        said = [
            (v, m) for m, k in (("left", "yes"), ("stayed", "no"), ("unknown", "unknown")) for v in mapping["label"][k]
        ]
        for n, (value, meaning) in enumerate(said):
            form |= {f"value_{n}": value, f"meaning_{n}": meaning}
    form |= changes
    return {name: value for name, value in form.items() if value is not None}


def agree_on_columns(client, run: Import, **changes):
    return client.post(f"/imports/{run.public_id}/columns", sent(run, **changes))


@pytest.fixture
def waiting(anna) -> Import:
    """An import that waits for its columns."""
    return upload(anna)


@pytest.fixture
def checked(anna, waiting) -> Import:
    """An import whose dry run is to be looked at."""
    assert agree_on_columns(anna, waiting).status_code == 302
    return work(waiting)


@pytest.fixture
def written(anna, checked) -> Import:
    assert anna.post(f"/imports/{checked.public_id}/agree").status_code == 302
    return work(checked)


# ---------------------------------------------------------------- the columns


def test_every_column_is_shown_with_what_we_think_it_is_and_why(anna, waiting):
    text = page(anna, waiting)
    for header in LINES[0].split(","):
        assert header in text
    assert 'value="tenure" selected' in text
    assert "By its header." in text
    assert "None of the fields we know, so it is kept beside them." in text
    assert "It has no value in the first lines." in text
    assert "C000" in text


def test_values_of_the_label_are_shown_with_what_each_means(anna, waiting):
    text = page(anna, waiting)
    meanings = dict(re.findall(r'name="value_(\d)" value="(\w+)"', text))
    said = {value: re.search(rf'name="meaning_{n}" value="(\w+)" checked', text)[1] for n, value in meanings.items()}
    assert said == {"Stayed": "stayed", "Churned": "left", "Joined": "stayed"}
    assert "Who has just joined counts as stayed" in text


def test_agreed_columns_lead_to_the_dry_run(anna, waiting, bell, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        answer = agree_on_columns(anna, waiting)
    assert (answer.status_code, answer["Location"]) == (302, f"/imports/{waiting.public_id}")
    waiting.refresh_from_db()
    assert (waiting.state, waiting.step) == (JobState.QUEUED, ImportStep.CHECK)
    assert [message["job_id"] for message in bell] == [waiting.pk]
    assert not every(Customer).exists()


def test_what_a_person_changes_is_what_is_written(anna, waiting):
    agree_on_columns(
        anna,
        waiting,
        **{f"column_{ZONE}": "city", f"column_{CHARGES}": "ignore", f"column_{TENURE}": "attribute:number"},
    )
    work(waiting)
    anna.post(f"/imports/{waiting.public_id}/agree")
    work(waiting)
    with tenant_scope(waiting.tenant):
        customer = Customer.objects.select_related("subscription").get(external_id="C001")
        assert (customer.city, customer.attributes, customer.churn_label) == ("S", {"tenure": 1}, True)
        assert not hasattr(customer, "subscription") or customer.subscription.tenure is None


def test_meaning_of_a_value_can_be_changed(anna, waiting):
    form = sent(waiting)
    joined = next(name for name, value in form.items() if value == "Joined")
    form[joined.replace("value", "meaning")] = "unknown"
    anna.post(f"/imports/{waiting.public_id}/columns", form)
    assert work(waiting).preview["labels"] == {"left": 20, "stayed": 40, "unknown": 20}


def test_value_without_a_meaning_is_asked_for(anna, waiting):
    answer = agree_on_columns(anna, waiting, meaning_0="")
    assert answer.status_code == 422
    assert "Say of each value whether it means left, stayed or not known." in answer.content.decode()


def test_value_met_only_further_down_is_offered_when_one_comes_back(anna):
    run = upload(anna, [*LINES, *(f"D{n},Paused,1,20,N," for n in range(3))])
    run.proposal["label"]["values"] = [v for v in run.proposal["label"]["values"] if v[0] != "Paused"]
    run.mapping["label"] = {key: [v for v in values if v != "Paused"] for key, values in run.mapping["label"].items()}
    with tenant_scope(run.tenant):
        run.save(update_fields=["proposal", "mapping"])
    agree_on_columns(anna, run)
    assert work(run).preview["refused"] == 3
    anna.post(f"/imports/{run.public_id}/back")
    run.refresh_from_db()
    assert run.step == ImportStep.MAP
    assert 'value="Paused"' in page(anna, run)


def test_another_column_may_say_who_left(anna, waiting):
    values = anna.get(f"/imports/{waiting.public_id}/label", {"label": ZONE}).content.decode()
    assert 'id="label-values"' in values
    assert set(re.findall(r'name="value_\d" value="(\w)"', values)) == set("NSEW")
    said = {f"value_{n}": v for n, v in enumerate("NSEW")} | {
        f"meaning_{n}": m for n, m in enumerate(("left", "stayed", "stayed", "unknown"))
    }
    agree_on_columns(anna, waiting, label=str(ZONE), values_of=str(ZONE), **said)
    assert work(waiting).preview["labels"] == {"left": 20, "stayed": 40, "unknown": 20}


def test_meanings_of_one_column_are_never_taken_for_those_of_another(anna, waiting):
    answer = agree_on_columns(anna, waiting, label=str(ZONE))
    assert answer.status_code == 422
    text = answer.content.decode()
    assert "Say which values of “Zone” mean that the customer left." in text
    assert 'name="value_0" value="N"' in text


def test_whoever_has_a_date_of_leaving_left(anna):
    lines = [
        "customer id,Date de résiliation,tenure",
        *(f"C{n},{'2025-03-01' if n % 4 == 0 else ''},{n}" for n in range(60)),
    ]
    run = upload(anna, lines)
    assert run.mapping["label"]["yes"] == ["*"]
    form = {"identity": "0", "label": "1", "values_of": "1", "label_rule": "presence", "column_2": "tenure"}
    assert anna.post(f"/imports/{run.public_id}/columns", form).status_code == 302
    assert work(run).preview["labels"] == {"left": 15, "stayed": 45, "unknown": 0}


def test_file_need_not_say_who_left(anna, waiting):
    agree_on_columns(anna, waiting, label="")
    run = work(waiting)
    assert run.preview["labels"] is None
    assert run.preview["created"] == 80


def test_customer_numbers_can_be_made_and_what_that_means_is_said(anna, waiting):
    text = page(anna, waiting)
    assert "a line in which anything changed counts as a new customer" in text
    assert "only if they hold the same customers in the same order" in text
    agree_on_columns(anna, waiting, identity="row_number")
    run = work(waiting)
    assert run.mapping["id"] == "row_number"
    assert run.mapping["columns"]["Client Nr"]["target"] == "ignore"
    assert run.preview["created"] == 80


def test_refused_columns_keep_what_was_entered_and_name_the_columns(anna, waiting):
    answer = agree_on_columns(
        anna, waiting, **{f"column_{ZONE}": "tenure", f"column_{CHARGES}": "ignore", "empty_clears": "on"}
    )
    assert answer.status_code == 422
    text = answer.content.decode()
    assert "“tenure”, “Zone” are both “Tenure (months)”" in text
    rows = {m[1]: m[0] for m in re.finditer(r'<li[^>]*data-column="(\d)".*?</li>', text, re.S)}
    assert 'value="tenure" selected' in rows[str(ZONE)]
    assert 'value="ignore" selected' in rows[str(CHARGES)]
    assert "border-high!" in rows[str(ZONE)]
    assert "border-high!" in rows[str(TENURE)]
    assert "border-high!" not in rows[str(CHARGES)]
    assert re.search(r'name="empty_clears" checked', text)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.step) == (JobState.AWAITING, ImportStep.MAP)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"identity": ""}, "Say where customer numbers come from."),
        ({"identity": "77"}, "There is no such column."),
        ({"identity": "1"}, "One column cannot be the customer number and say who left."),
        ({"column_4": "moon"}, "cannot be “moon”"),
        ({"column_4": "attribute:moon"}, "cannot be of the type “moon”"),
        ({"column_4": "external_id"}, "“Customer number”"),
        ({"usage_month": "June"}, "Write the month as 2025-06."),
        ({"usage_month": "2025-13"}, "Write the month as 2025-06."),
    ],
)
def test_columns_that_cannot_be_are_refused_in_words(anna, waiting, changes, words):
    answer = agree_on_columns(anna, waiting, **changes)
    assert answer.status_code == 422
    assert words in answer.content.decode()


def test_refusal_comes_as_the_fragment_that_htmx_asked_for(anna, waiting):
    answer = anna.post(
        f"/imports/{waiting.public_id}/columns",
        sent(waiting, identity=""),
        headers={"HX-Request": "true", "HX-Target": "job"},
    )
    assert answer.status_code == 422
    assert answer.content.decode().lstrip().startswith('<div id="job"')


def test_columns_of_use_ask_for_their_month(anna):
    lines = ["customer id,calls this month,churn", *(f"C{n},{n},{'yes' if n % 3 else 'no'}" for n in range(30))]
    run = upload(anna, lines)
    agree_on_columns(anna, run, column_1="nombre_appels", usage_month="2025-06")
    work(run)
    assert run.preview == {} or run.preview["months"] == 30
    anna.post(f"/imports/{run.public_id}/agree")
    work(run)
    with tenant_scope(run.tenant):
        assert {str(m) for m in UsageRecord.objects.values_list("month", flat=True)} == {"2025-06-01"}


def test_same_columns_are_recognised_the_next_time(anna, written):
    text = page(anna, upload(anna, name="next month.csv"))
    assert "Recognised." in text
    assert "The same columns as “customers.csv”" in text
    assert "Go on as last time" in text


def test_page_holds_five_hundred_columns(anna):
    headers = ["customer id", "churn", *(f"measure {n}" for n in range(498))]
    rows = [f"C{n},{'yes' if n % 2 else 'no'}," + ",".join(str((n * k) % 97) for k in range(498)) for n in range(4)]
    run = upload(anna, [",".join(headers), *rows])
    text = page(anna, run)
    assert text.count("data-column=") == 500
    assert agree_on_columns(anna, run).status_code == 302


def test_hostile_headers_and_values_stay_text(anna):
    lines = [
        'customer id,churn,"<script>alert(1)</script>","""onmouseover=x"',
        *(f'C{n},{"yes" if n % 2 else "no"},<b>x</b>,"""y"' for n in range(20)),
    ]
    text = page(anna, upload(anna, lines))
    assert "<script>alert" not in text
    assert "<b>x</b>" not in text
    assert '"onmouseover=x' not in text


# ---------------------------------------------------------------- sheets


def workbook(path, sheets: dict[str, list[str]]) -> bytes:
    """A workbook whose cells are texts, cut at commas."""
    space = "http://schemas.openxmlformats.org"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("_rels/.rels", "<Relationships/>")
        names = "".join(f'<sheet name="{name}" sheetId="{n}" r:id="r{n}"/>' for n, name in enumerate(sheets, 1))
        relations = "".join(
            f'<Relationship Id="r{n}" Type="{space}/officeDocument/2006/relationships/worksheet" Target="s{n}.xml"/>'
            for n in range(1, len(sheets) + 1)
        )
        kinds = f'xmlns="{space}/spreadsheetml/2006/main" xmlns:r="{space}/officeDocument/2006/relationships"'
        archive.writestr("xl/workbook.xml", f"<workbook {kinds}><sheets>{names}</sheets></workbook>")
        archive.writestr("xl/_rels/workbook.xml.rels", f"<Relationships>{relations}</Relationships>")
        for n, lines in enumerate(sheets.values(), 1):
            rows = "".join(
                f'<row r="{i}">'
                + "".join(f'<c t="inlineStr"><is><t>{escape(cell)}</t></is></c>' for cell in line.split(","))
                + "</row>"
                for i, line in enumerate(lines, 1)
            )
            archive.writestr(f"xl/s{n}.xml", f"<worksheet {kinds}><sheetData>{rows}</sheetData></worksheet>")
    return path.read_bytes()


@pytest.fixture
def two_sheets(anna, tmp_path) -> Import:
    other = ["when,what,why", *(f"X{n},{'yes' if n % 2 else 'no'},{n}" for n in range(10))]
    return upload(anna, name="book.xlsx", content=workbook(tmp_path / "b.xlsx", {"Old": other, "Customers": LINES}))


def test_another_sheet_is_read_when_it_is_chosen(anna, two_sheets):
    assert two_sheets.sheet == "Customers"
    assert 'value="Old"' in page(anna, two_sheets)
    assert anna.post(f"/imports/{two_sheets.public_id}/sheet", {"sheet": "Old"}).status_code == 302
    run = work(two_sheets)
    assert (run.state, run.step, run.sheet, run.total_rows) == (JobState.AWAITING, ImportStep.MAP, "Old", 10)


def test_sheet_that_is_not_there_changes_nothing(anna, two_sheets):
    answer = anna.post(f"/imports/{two_sheets.public_id}/sheet", {"sheet": "Moon"}, follow=True)
    assert "has no sheet “Moon”" in answer.content.decode()
    two_sheets.refresh_from_db()
    assert (two_sheets.state, two_sheets.sheet) == (JobState.AWAITING, "Customers")


# ---------------------------------------------------------------- dry run, writing, taking back


def test_dry_run_says_what_would_be_and_that_nothing_was_written(anna, checked):
    text = page(anna, checked)
    assert "Nothing has been written yet." in text
    assert re.search(r"Would be new</span><span class=\"stat-value\">80<", text)
    assert not every(Customer).exists()


def test_dry_run_names_lines_that_would_be_refused_and_gives_them_as_a_file(anna):
    run = upload(anna, [*LINES, "C001,Stayed,3,20,N,", "D1,Stayed,x,20,N,"])
    agree_on_columns(anna, run)
    run = work(run)
    text = page(anna, run)
    assert "This customer number stands on an earlier line of the same file." in text
    assert "Download all 2 refused lines" in text
    assert "Import the other lines now" in text
    answer = anna.get(f"/imports/{run.public_id}/refused.csv")
    assert len(b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()) == 3


@pytest.mark.parametrize(("meaning", "words"), [("stayed", "nobody left"), ("left", "every customer left")])
def test_dry_run_doubts_a_label_by_which_everybody_is_the_same(anna, waiting, meaning, words):
    form = {name: meaning if name.startswith("meaning_") else value for name, value in sent(waiting).items()}
    if meaning == "stayed":
        form["more_left"] = "Gone"
    anna.post(f"/imports/{waiting.public_id}/columns", form)
    assert words in page(anna, work(waiting))


def test_one_goes_back_to_the_columns_and_finds_them_as_they_were_left(anna, waiting):
    agree_on_columns(anna, waiting, **{f"column_{ZONE}": "city"})
    work(waiting)
    assert anna.post(f"/imports/{waiting.public_id}/back").status_code == 302
    assert 'value="city" selected' in page(anna, waiting)


def test_agreed_import_is_written_and_offers_what_comes_next(anna, written):
    assert every(Customer).count() == 80
    text = page(anna, written)
    assert "The file is in." in text
    assert "Take this import back" in text
    assert f"/quality/{written.public_id}" in text


def test_written_import_is_taken_back_and_says_what_it_could_not(anna, cast, written):
    with tenant_scope(cast.atlas):
        Customer.objects.filter(external_id="C001").update(changed_by_import=None)
    assert anna.post(f"/imports/{written.public_id}/undo").status_code == 302
    run = work(written)
    text = page(anna, run)
    assert "79 customers were removed." in text
    assert "1 customer stays as it is: somebody has corrected it by hand since." in text
    assert every(Customer).count() == 1
    assert "Taken back" in anna.get("/imports").content.decode()
    assert "data-open=" not in text


@pytest.mark.parametrize("step", ["waiting", "checked"])
def test_discarded_import_writes_nothing_and_keeps_no_file(anna, request, step, settings):
    run = request.getfixturevalue(step)
    assert anna.post(f"/imports/{run.public_id}/discard").status_code == 302
    run.refresh_from_db()
    assert run.state == JobState.CANCELLED
    assert not [p for p in settings.PRIVATE_ROOT.rglob("*") if p.is_file()]
    assert "given up before anything was written" in page(anna, run)


def test_decision_that_comes_too_late_is_told_so_and_changes_nothing(anna, waiting, checked):
    for path, form in (("columns", sent(waiting)), ("undo", {})):
        answer = anna.post(f"/imports/{checked.public_id}/{path}", form, follow=True)
        assert answer.status_code == 200
        assert 'class="toast toast-warning"' in answer.content.decode()
    checked.refresh_from_db()
    assert (checked.state, checked.step) == (JobState.AWAITING, ImportStep.AGREE)


# ---------------------------------------------------------------- who may

DECISIONS = ("columns", "agree", "back", "discard", "undo", "sheet", "cancel")


@pytest.mark.parametrize("decision", DECISIONS)
def test_decisions_are_for_those_who_import_in_the_company(client_for, cast, waiting, decision):
    address = f"/imports/{waiting.public_id}/{decision}"
    assert client_for(cast.bob).post(address).status_code == 403
    assert client_for(cast.charlie).post(address).status_code == 404
    assert client_for(cast.anna).get(address).status_code == 405
    assert client_for(None).post(address).status_code == 302
    waiting.refresh_from_db()
    assert (waiting.state, waiting.step) == (JobState.AWAITING, ImportStep.MAP)


def test_viewer_reads_the_columns_and_the_dry_run_without_a_button(client_for, cast, anna, waiting):
    bob = client_for(cast.bob)
    text = page(bob, waiting)
    assert "Client Nr" in text
    assert "Go on to the dry run" not in text
    assert "Discard" not in text
    assert '<fieldset class="contents" disabled>' in text
    agree_on_columns(anna, waiting)
    text = page(bob, work(waiting))
    assert "Nothing has been written yet." in text
    assert "Import now" not in text
    assert "Back to the columns" not in text


def test_pages_of_another_companys_import_are_not_there(client_for, cast, waiting):
    charlie = client_for(cast.charlie)
    assert charlie.get(f"/imports/{waiting.public_id}").status_code == 404
    assert charlie.get(f"/imports/{waiting.public_id}/label", {"label": 1}).status_code == 404


def test_columns_page_asks_few_questions_however_many_columns(anna, waiting, django_assert_max_num_queries):
    page(anna, waiting)
    with django_assert_max_num_queries(10):
        page(anna, waiting)
