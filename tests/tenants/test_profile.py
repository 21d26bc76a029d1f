"""One's own page: name, language, clock and picture."""

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image, ImageOps

from tenants import pictures, services
from tenants.models import Picture, Role, User
from tenants.scoping import tenant_scope
from tests.conftest import PASSWORD

PAGE, UPLOAD = "/profile", "/profile/picture"


def image(form: str = "PNG", size: tuple[int, int] = (40, 20), **extra) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "red").save(out, form, **extra)
    return out.getvalue()


def upload(client, content: bytes, name: str = "me.png", kind: str = "image/png"):
    return client.post(UPLOAD, {"picture": SimpleUploadedFile(name, content, kind)})


def test_name_language_and_clock_are_saved(client_for, cast):
    client = client_for(cast.alice)
    said = {"name": "Alice Martin", "locale": "fr", "time_zone": "America/Montreal"}
    assert client.post(PAGE, said).status_code == 302
    cast.alice.refresh_from_db()
    assert (cast.alice.name, cast.alice.locale, cast.alice.time_zone) == tuple(said.values())
    assert 'lang="fr"' in client.get(PAGE).content.decode()[:200]


@pytest.mark.parametrize(
    "wrong", [{"locale": "xx"}, {"time_zone": "Mars/Base"}, {"time_zone": "../../etc/passwd"}, {"name": "x" * 121}]
)
def test_what_cannot_be_is_refused_and_changes_nothing(client_for, cast, wrong):
    answer = client_for(cast.alice).post(PAGE, {"name": "A", "locale": "", "time_zone": ""} | wrong)
    assert answer.status_code == 422
    assert answer.context["form"].errors
    cast.alice.refresh_from_db()
    assert (cast.alice.name, cast.alice.locale, cast.alice.time_zone) == ("Alice", "", "")


def test_what_is_no_part_of_the_form_changes_nothing(client_for, cast):
    body = {
        "name": "A",
        "email": "x@example.com",
        "is_staff": "1",
        "is_superuser": "1",
        "role": "owner",
        "avatar_url": "x",
    }
    client_for(cast.bob).post(PAGE, body)
    person = User.objects.get(pk=cast.bob.pk)
    assert (person.email, person.is_staff, person.is_superuser, person.avatar_url) == (cast.bob.email, False, False, "")


def test_times_about_a_person_go_by_their_clock_and_data_by_the_companys(client_for, cast, time_machine):
    time_machine.move_to("2026-03-01T23:30:00Z", tick=False)
    client = client_for(cast.alice)
    assert "March 2, 2026, 12:30 a.m." in client.get(PAGE).content.decode(), "Tunis, as the company"
    client.post(PAGE, {"name": "A", "locale": "", "time_zone": "America/Montreal"})
    assert "March 1, 2026, 6:30 p.m." in client.get(PAGE).content.decode()


def test_person_without_a_company_has_a_profile(client_for, db):
    client = client_for(User.objects.create_user("lone@example.com", PASSWORD))
    assert client.get(PAGE).status_code == 200


# ---------------------------------------------------------------- the picture


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_picture_is_written_anew_square_and_small(client_for, cast, form):
    client = client_for(cast.alice)
    # The name and the type that the browser claims are not asked: the content decides.
    assert upload(client, image(form, (900, 300)), "me.txt", "text/plain").status_code == 302
    person = User.objects.get(pk=cast.alice.pk)
    answer = client.get(person.avatar_url)
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/webp")
    assert "private" in answer["Cache-Control"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    with Image.open(io.BytesIO(answer.content)) as shown:
        assert shown.size == (256, 256)
    assert person.avatar_url in client.get(PAGE).content.decode()


def test_what_a_camera_wrote_into_it_is_gone(cast):
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    assert b"SecretCamera" in image("JPEG", exif=exif)
    assert b"SecretCamera" not in pictures.redrawn(image("JPEG", exif=exif))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "no picture"),
        (b"GIF89a" + b"\0" * 60, "no picture"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, "no picture"),
        (image()[:60], "no picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "no picture"),
        (b"x", "no picture"),
        (b"", "empty"),
    ],
)
def test_file_that_is_no_picture_is_refused_with_words(client_for, cast, content, words):
    answer = upload(client_for(cast.alice), content)
    assert answer.status_code == 422
    assert words in str(answer.context["picture_form"].errors)
    assert not Picture.objects.exists()


def test_too_many_bytes_or_pixels_are_refused_before_they_are_unpacked(client_for, cast, monkeypatch):
    client = client_for(cast.alice)
    assert "40 megapixels" in str(upload(client, image(size=(8000, 6000))).context["picture_form"].errors)
    monkeypatch.setattr(pictures, "MOST_BYTES", 50)
    assert "at most" in str(upload(client, image()).context["picture_form"].errors)
    assert not Picture.objects.exists()


def test_new_picture_has_a_new_address_and_the_old_one_is_gone(client_for, cast):
    client = client_for(cast.alice)
    upload(client, image())
    old = User.objects.get(pk=cast.alice.pk).avatar_url
    upload(client, image())
    assert client.get(old).status_code == 404
    client.post(UPLOAD, {"remove": "1"})
    assert User.objects.get(pk=cast.alice.pk).avatar_url == ""
    assert not Picture.objects.exists()


def test_picture_is_seen_by_colleagues_and_nobody_else(client_for, cast):
    upload(client_for(cast.alice), image())
    address = User.objects.get(pk=cast.alice.pk).avatar_url
    assert client_for(cast.bob).get(address).status_code == 200
    assert client_for(cast.charlie).get(address).status_code == 404
    assert client_for(None).get(address).status_code == 302
    with tenant_scope(cast.borealis):
        services.add_member(email=cast.alice.email, role=Role.VIEWER)
    assert client_for(cast.charlie).get(address).status_code == 200


@pytest.mark.parametrize("orientation", range(1, 9))
def test_picture_stands_upright_as_the_camera_said(orientation):
    """Left half red, right half blue as seen; stored turned in each of the eight ways that a camera may."""
    stored = Image.new("RGB", (64, 64), "red")
    stored.paste("blue", (0, 0, 32, 32))  # one corner tells every turn and mirror image apart
    exif = Image.Exif()
    exif[0x0112] = orientation
    out = io.BytesIO()
    stored.save(out, "JPEG", exif=exif, quality=95)
    with Image.open(io.BytesIO(out.getvalue())) as original:
        wanted = ImageOps.exif_transpose(original).resize((256, 256))
    with Image.open(io.BytesIO(pictures.redrawn(out.getvalue()))) as shown:
        for corner in ((40, 40), (210, 40), (40, 210), (210, 210)):
            assert max(abs(a - b) for a, b in zip(shown.getpixel(corner), wanted.getpixel(corner), strict=True)) < 40


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "CMYK", "LA"])
def test_picture_of_any_kind_of_colour_is_read(mode):
    out = io.BytesIO()
    Image.new(mode, (30, 30)).save(out, "JPEG" if mode == "CMYK" else "PNG")
    with Image.open(io.BytesIO(pictures.redrawn(out.getvalue()))) as shown:
        assert (shown.mode, shown.size) == ("RGB", (256, 256))
