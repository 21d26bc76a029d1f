"""Which encoding a text is in, judged by what it would say."""

import random

import pytest

from customers.ingest import encodings
from customers.ingest.encodings import detect
from customers.ingest.reader import TableRefused
from tests.customers.ingest.tables import bring_in, cells, file_of, notes, refusal

FRENCH = "identifiant;prénom;ville;remarque\n" + "".join(
    f"C{i};{name};{town};{remark}\n"
    for i, (name, town, remark) in enumerate(
        [
            ("Zoé", "Orléans", "a résilié l’option, 12 €"),
            ("Noël", "Sète", "très déçu"),
            ("Françoise", "Nîmes", "« à rappeler »"),
            ("Aïcha", "Le Kef", "dû à l’été"),
            ("Jérôme", "Besançon", "problème de réseau"),
        ]
    )
)
ENGLISH = "id,name,note\n1,Zoë Brontë,it’s a “naïve” café\n2,Renée O’Neil,£12 – paid\n3,José Núñez,résumé sent\n"
CAPITALS = "id;nom\n1;BÉRÉNICE\n2;FRANÇOIS\n3;HÉLÈNE\n4;JÉRÔME\n"
ARABIC = "id;المدينة\n1;تونس\n2;صفاقس\n3;القيروان\n4;بنزرت\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (text, encoding)
        for text in (FRENCH, ENGLISH, CAPITALS)
        for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "mac-roman")
    ]
    + [(ARABIC, "cp1256"), (ARABIC, "utf-8"), (ARABIC, "utf-16-le"), (ARABIC, "utf-16-be"), (ARABIC, "utf-32")],
)
def test_text_reads_as_it_was_written(tmp_path, text, encoding):
    table = bring_in(tmp_path, text.encode(encoding))
    delimiter = ";" if ";" in text else ","
    assert [list(table.headers), *cells(table)] == [line.split(delimiter) for line in text.splitlines()]
    assert table.encoding == encoding


def test_latin_1_reads_as_windows_does_where_both_agree(tmp_path):
    found = detect(file_of(tmp_path, "id;ville\n1;Orléans\n2;Sète\n".encode("latin-1")))
    assert (found.name, found.is_sure) == ("cp1252", True)


def test_latin_1_is_taken_where_windows_has_no_such_letter(tmp_path):
    content = "id;ville\n1;Orléans\n2;Sète\n3;à côté\x81\n".encode("latin-1")
    assert detect(file_of(tmp_path, content)).name == "latin-1"


@pytest.mark.parametrize("encoding", ["cp1252", "mac-roman"])
def test_first_accent_after_megabytes_of_plain_text_is_seen(tmp_path, encoding):
    content = b"id;ville\n" + b"1;Tunis\n" * 400_000 + "2;Orléans\n3;Sète\n4;Béja\n".encode(encoding)
    assert detect(file_of(tmp_path, content)).name == encoding


def test_utf_8_letter_cut_by_a_block_is_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(encodings, "_BLOCK", 7)
    for filler in range(7):
        content = ("id,ville\n" + "x" * filler + ",é€" * 20 + "\n").encode()
        assert detect(file_of(tmp_path, content)).name == "utf-8"


def test_single_damaged_byte_in_utf_8_is_refused_by_line(tmp_path):
    content = bytearray(("id,ville\n" + "1,Orléans à côté de Sète\n" * 50).encode())
    position = content.index("é".encode(), 500)
    content[position] = 0xFF
    with pytest.raises(TableRefused) as caught:
        detect(file_of(tmp_path, bytes(content)))
    assert caught.value.code == "undecodable"
    assert caught.value.facts["line"] == bytes(content[:position]).count(b"\n") + 1


def test_utf_8_that_ends_in_half_a_letter_is_refused(tmp_path):
    assert refusal(tmp_path, ("id,ville\n" + "1,Béja\n" * 9 + "2,Bé").encode()[:-1]).code == "undecodable"


def test_utf_16_that_ends_in_half_a_letter_is_refused(tmp_path):
    assert refusal(tmp_path, FRENCH.encode("utf-16")[:-1]).code == "undecodable"


def test_lone_letter_between_two_readings_is_taken_with_a_note(tmp_path):
    table = bring_in(tmp_path, b"id;nom\n1;\xd5\xd5\xd5\n2;b\n")
    assert notes(table) == ["encoding_guessed"]


def test_zero_bytes_are_dropped_and_told(tmp_path):
    table = bring_in(tmp_path, b"id,name,town\n" + b"1,A\0nn,Tunis\n2,Bob,Sfax\n" * 20)
    assert cells(table)[0] == ["1", "Ann", "Tunis"]
    assert [(note.code, note.facts) for note in table.notes] == [("nul_bytes", {"count": 20})]


def test_random_bytes_are_no_text(tmp_path):
    noise = random.Random(5)
    for _ in range(20):
        assert refusal(tmp_path, b"\x01" + noise.randbytes(5_000)).code in ("binary", "undecodable")


@pytest.mark.parametrize("text", [FRENCH, ENGLISH, CAPITALS])
@pytest.mark.parametrize("encoding", ["cp1252", "mac-roman"])
def test_each_line_alone_is_told_apart_as_well(text, encoding):
    accented = [line for line in text.splitlines() if not line.isascii()]
    assert accented
    assert [encodings.weigh(line.encode(encoding))[0] for line in accented] == [encoding] * len(accented)
