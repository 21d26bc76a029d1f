"""What comes back by mail: whose address is dead, who complains, who is away; and nothing that a stranger makes up hurts."""

import datetime as dt
import io
import random
import tracemalloc
import zipfile

import pytest

from campaigns.outreach.delivery.bounces import KINDS, Report, read_reports, reports_of
from campaigns.outreach.delivery.mailboxes import Counts, Limits, MailboxRefused, messages_in
from tests.campaigns.outreach import returned_mail as mail

ALL = (
    mail.dsn(),
    mail.EXIM,
    mail.EXIM_LATE,
    mail.QMAIL,
    mail.EXCHANGE,
    mail.FRENCH,
    mail.COMPLAINT,
    mail.AWAY,
    mail.PERSON,
)


def one(raw: bytes) -> Report:
    (found,) = reports_of(raw)
    return found


def test_report_by_the_standard_is_read_whole():
    found = one(mail.dsn())
    assert found == Report(
        "hard", "a@x.example.com", mail.OURS, "5.1.1", "550 5.1.1 <a@x.example.com>: Recipient address rejected: User unknown",
        dt.datetime(2026, 5, 4, 10, tzinfo=dt.UTC), "no_such_mailbox", "dsn",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "kind", "status", "reason"),
    [
        ({"status": "5.2.2", "diagnostic": "smtp; 552 5.2.2 over quota"}, "soft", "5.2.2", "mailbox_full"),
        ({"status": "5.0.0", "diagnostic": "smtp; 550 5.1.1 unknown user"}, "hard", "5.1.1", "no_such_mailbox"),
        ({"status": "5.0.0", "diagnostic": "smtp; 550 no such user here"}, "hard", "5.0.0", "no_such_mailbox"),
        ({"status": "5.0.0", "diagnostic": "X-None; "}, "soft", "5.0.0", "other"),
        ({"status": "5.7.1", "diagnostic": "smtp; 554 5.7.1 blocked using spamhaus"}, "soft", "5.7.1", "spam"),
        ({"status": "4.4.7", "diagnostic": "smtp; 451 4.4.7 delivery time expired"}, "soft", "4.4.7", "server_trouble"),
        ({"action": "delayed", "status": "4.4.1", "diagnostic": "smtp; timed out"}, "soft", "4.4.1", "server_trouble"),
        ({"action": "delayed"}, "soft", "5.1.1", "no_such_mailbox"),  # late is not dead, whatever else is said
        ({"action": "delivered", "status": "2.0.0"}, "unknown", "", ""),
        ({"action": "Failed", "status": "5.1.1 (bad mailbox)"}, "hard", "5.1.1", "no_such_mailbox"),
        ({"diagnostic": "smtp; 550 5.1.1\n user\n unknown"}, "hard", "5.1.1", "no_such_mailbox"),
    ],
)
def test_only_a_dead_address_is_hard(changes, kind, status, reason):
    found = one(mail.dsn(**changes))
    assert (found.kind, found.status, found.reason) == (kind, status, reason)
    assert found.message_id == mail.OURS


def test_address_that_we_wrote_to_counts_not_where_it_was_forwarded():
    assert one(mail.dsn(recipient="z@y.example.com", original="a@x.example.com")).address == "a@x.example.com"


def test_report_speaks_of_several_recipients():
    more = "\nFinal-Recipient: rfc822;b@x.example.com\nAction: failed\nStatus: 5.2.2\n"
    found = reports_of(mail.dsn(more=more))
    assert [(r.address, r.kind) for r in found] == [("a@x.example.com", "hard"), ("b@x.example.com", "soft")]


def test_message_id_is_found_among_returned_headers():
    assert one(mail.dsn(returned="text/rfc822-headers")).message_id == mail.OURS


@pytest.mark.parametrize(
    ("raw", "form", "expected"),
    [
        (mail.EXIM, "exim", [("a@x.example.com", "hard", "5.1.1"), ("b@x.example.com", "soft", "5.2.2")]),
        (mail.EXIM_LATE, "exim", [("a@x.example.com", "soft", "5.1.1")]),
        (mail.QMAIL, "qmail", [("a@x.example.com", "hard", "5.1.1"), ("b@x.example.com", "soft", "5.7.1")]),
        (mail.EXCHANGE, "exchange", [("a@x.example.com", "hard", "5.1.1")]),
        (mail.FRENCH, "other", [("a@x.example.com", "hard", "")]),
    ],
)
def test_bounces_of_no_standard_are_understood(raw, form, expected):
    found = reports_of(raw)
    assert [(r.address, r.kind, r.status) for r in found] == expected
    assert {r.form for r in found} == {form}
    assert {r.message_id for r in found} <= {mail.OURS, ""}
    assert raw is mail.FRENCH or raw is mail.EXIM_LATE or found[0].message_id == mail.OURS


def test_complaint_names_who_and_about_what():
    found = one(mail.COMPLAINT)
    assert (found.kind, found.address, found.message_id) == ("complaint", "a@x.example.com", mail.OURS)
    hidden = one(mail.COMPLAINT.replace(b"Original-Rcpt-To: <a@x.example.com>\n", b""))
    assert (hidden.kind, hidden.address) == ("complaint", "a@x.example.com")  # from the copy of our mail
    assert one(mail.COMPLAINT.replace(b"Feedback-Type: abuse", b"Feedback-Type: not-spam")).kind == "unknown"


def test_machines_that_answer_and_people_are_no_bounces():
    assert (one(mail.AWAY).kind, one(mail.AWAY).address, one(mail.AWAY).message_id) == (
        "auto_reply", "a@x.example.com", mail.OURS,
    )  # fmt: skip
    assert one(mail.PERSON).kind == "unknown"


def test_returned_text_of_ours_decides_nothing():
    quiet = mail.dsn(status="5.0.0", diagnostic="X; ").replace(b"could not be delivered", b"went nowhere")
    assert one(quiet).kind == "soft"  # though our subject speaks of unknown users


# ---------------------------------------------------------------- where mail lies


def names(path, **limits) -> list[tuple[str, str]]:
    return [(r.address, r.kind) for r in read_reports(path, Limits(**limits))]


EXPECTED = [(r.address, r.kind) for raw in ALL for r in reports_of(raw)]


def as_mbox(messages, end: bytes = b"\n") -> bytes:
    return b"".join(
        b"From MAILER-DAEMON Mon May  4 12:00:00 2026" + end + raw.replace(b"\n", end) + end for raw in messages
    )


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_mbox_is_read(tmp_path, end):
    path = tmp_path / "box"
    path.write_bytes(as_mbox(ALL, end))
    assert names(path) == EXPECTED


def test_line_that_begins_with_from_splits_only_after_an_empty_one(tmp_path):
    path = tmp_path / "box"
    path.write_bytes(as_mbox([b"Subject: a\n\nhello\nFrom here on\n>From there\n"]))
    assert len(list(messages_in(path))) == 1


def test_maildir_folder_zip_and_single_file_are_read(tmp_path):
    maildir, folder = tmp_path / "maildir", tmp_path / "folder"
    for name in ("cur", "new", "tmp"):
        (maildir / name).mkdir(parents=True)
    folder.mkdir()
    for number, raw in enumerate(ALL):
        (maildir / ("cur" if number % 2 else "new") / f"{number}.host:2,S").write_bytes(raw)
        (folder / f"{number}.eml").write_bytes(raw)
    (maildir / "tmp" / "x").write_bytes(mail.dsn())
    (folder / "notes.csv").write_bytes(b"a,b")
    assert sorted(names(maildir)) == sorted(EXPECTED)
    assert names(folder) == EXPECTED
    archive = tmp_path / "mails.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        for number, raw in enumerate(ALL):
            made.writestr(f"deep/{number}.eml", raw)
        made.writestr("box.mbox", as_mbox(ALL))
        made.writestr("readme.pdf", b"%PDF")
    assert names(archive) == EXPECTED + EXPECTED
    assert names(folder / "0.eml") == [("a@x.example.com", "hard")]


def test_links_out_of_the_folder_are_not_followed(tmp_path):
    outside, folder = tmp_path / "outside.eml", tmp_path / "folder"
    folder.mkdir()
    outside.write_bytes(mail.dsn())
    (folder / "link.eml").symlink_to(outside)
    assert names(folder) == []


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "not_a_mailbox"),
        (b"a,b\n1,2\n", "not_a_mailbox"),
        (b"\x00\x01" * 50, "not_a_mailbox"),
        (b"PK\x03\x04rest", "bad_zip"),
    ],
)
def test_what_is_no_mailbox_is_refused(tmp_path, content, code):
    path = tmp_path / "thing"
    path.write_bytes(content)
    with pytest.raises(MailboxRefused) as refused:
        list(read_reports(path))
    assert refused.value.code == code
    with pytest.raises(MailboxRefused) as refused:
        list(read_reports(tmp_path / "absent"))
    assert refused.value.code == "not_found"


# ---------------------------------------------------------------- strangers


def test_bomb_in_a_zip_is_unpacked_no_further_than_the_limit(tmp_path):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for number in range(3):
            made.writestr(f"{number}.eml", b"Subject: x\n\n" + b"\0" * 30_000_000)
        made.writestr("box.mbox", b"From x\n" + b"\0" * 30_000_000)
    tracemalloc.start()
    counts = Counts()
    with pytest.raises(MailboxRefused) as refused:
        list(read_reports(path, Limits(total_bytes=2_000_000), counts))
    _now, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert refused.value.code == "too_large"
    assert counts.cut == 3
    assert most < 8_000_000


def test_damaged_entries_are_counted_and_the_others_read(tmp_path):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.eml", mail.dsn(more="X: " + "abc" * 500))
        archive.writestr("b.eml", mail.EXIM)
    raw = bytearray(made.getvalue())
    raw[60:90] = b"\xff" * 30
    path = tmp_path / "x.zip"
    path.write_bytes(bytes(raw))
    counts = Counts()
    assert len(list(read_reports(path, counts=counts))) == 2
    assert counts.unreadable == 1


def test_too_many_messages_are_refused(tmp_path):
    path = tmp_path / "box"
    path.write_bytes(as_mbox([mail.PERSON] * 11))
    with pytest.raises(MailboxRefused) as refused:
        list(read_reports(path, Limits(messages=10)))
    assert refused.value.facts == {"most": 10}


def nested(depth: int) -> bytes:
    head = b"Subject: x\nContent-Type: multipart/mixed; boundary=b0\n\n"
    return head + b"".join(b"--b%d\nContent-Type: multipart/mixed; boundary=b%d\n\n" % (n, n + 1) for n in range(depth))


@pytest.mark.parametrize(
    "raw",
    [
        nested(5000),
        b"Subject: x\n" + b"Content-Type: message/rfc822\n\n" * 5000,
        b"Subject: " + b"=?utf-8?b?" * 20_000,
        b"Content-Type: multipart/report; " + b"a=" * 50_000 + b"\n\nx",
        b"Content-Type: text/plain; charset=\xff\xfe\n\n\xff",
        b"Content-Type: text/plain; charset=no-such\nContent-Transfer-Encoding: base64\n\n!!!",
        b"Date: " + b"9" * 5000 + b"\nContent-Type: multipart/report\n\n",
        b"From: <>" + b"<" * 50_000 + b"\nSubject: failure notice\n\n" + b"<a@b:\n" * 5000,
        b"From: mailer-daemon\nSubject: undeliverable\n\n" + b"a@" * 60_000,
        b"From: mailer-daemon\nSubject: undeliverable\n\n" + b"550 " * 40_000,
        b"X-Failed-Recipients: " + b"a@b.cd," * 30_000 + b"\n\nx",
        b":\n\n", b"\n\n", b"\0", b"",
    ],
    ids=range(15),
)  # fmt: skip
def test_mail_that_is_made_to_hurt_ends_quietly(raw):
    assert len(reports_of(raw[: 256 << 10])) <= 100


def test_thousand_broken_mails_raise_nothing():
    dice = random.Random(3)
    for _round in range(1000):
        raw = bytearray(dice.choice(ALL))
        for _change in range(dice.randrange(1, 12)):
            place = dice.randrange(len(raw))
            match dice.randrange(3):
                case 0:
                    raw[place] = dice.randrange(256)
                case 1:
                    del raw[place : place + dice.randrange(60)]
                case 2:
                    raw[place:place] = raw[dice.randrange(len(raw)) :][: dice.randrange(200)]
            raw = raw or bytearray(b"x")
        for found in reports_of(bytes(raw)):
            assert found.kind in KINDS
            assert len(found.diagnostic) <= 500
            assert not set("\r\n\0") & set(found.address + found.message_id + found.diagnostic)


def test_large_mailbox_passes_through_a_small_memory(tmp_path):
    path = tmp_path / "box"
    big = mail.dsn(more="X-Fill: y\n") + b"z" * 76 * 100 + b"\n"
    with path.open("wb") as file:
        block = as_mbox([big] * 25)
        for _number in range(12):
            file.write(block)
        file.write(as_mbox([b"Subject: x\n\n" + b"line\n" * 200_000]))
    counts = Counts()
    tracemalloc.start()
    hard = sum(report.kind == "hard" for report in read_reports(path, counts=counts))
    _now, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (hard, counts.messages, counts.cut) == (300, 301, 1)
    assert most < 12_000_000
