"""Pictures of people: read by content, written anew square and small, so that nothing of the upload is ever served."""

from __future__ import annotations

import io
import struct
import zlib

from django.core.files import File
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from core.errors import Refused

from .models import Picture, User

MOST_BYTES = 4 * 1024 * 1024
SIDE = 256  # pixels
CONTENT_TYPE = "image/webp"
_FORMATS = ("JPEG", "PNG", "WEBP")
_MOST_PIXELS = 40_000_000  # told by the header: refused before they are unpacked (120 to 160 MB of memory)
# How to turn a picture upright, by what the camera said of it.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# What Pillow raises over a file that is cut off, or is made to be odd.
_BROKEN = (
    UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, struct.error, zlib.error,
)  # fmt: skip


def set_picture(*, user: User, upload: File) -> Picture:
    """Keep the picture, in place of an earlier one. Refused("too_large" | "no_picture" | "too_many_pixels")."""
    if upload.size > MOST_BYTES:
        raise Refused(
            "too_large", _("A picture takes at most %(most)s MB.") % {"most": MOST_BYTES // 2**20}, bytes=upload.size
        )
    content = redrawn(upload.read(MOST_BYTES + 1))
    with transaction.atomic():
        Picture.objects.filter(user=user).delete()
        picture = Picture.objects.create(user=user, content=content)
        User.objects.filter(pk=user.pk).update(avatar_url=reverse("tenants:picture", args=[picture.public_id]))
    return picture


def remove_picture(*, user: User) -> None:
    """Initials again."""
    with transaction.atomic():
        Picture.objects.filter(user=user).delete()
        User.objects.filter(pk=user.pk).update(avatar_url="")


def redrawn(content: bytes) -> bytes:
    """A square WebP of ``SIDE`` pixels from a JPEG, PNG or WebP, turned upright, without anything but its pixels.

    Refused("too_many_pixels" | "no_picture").
    """
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            if image.width * image.height > _MOST_PIXELS:
                raise _too_many_pixels()
            image.draft("RGB", (SIDE * 2, SIDE * 2))  # a JPEG is unpacked near the size that is needed
            turn = _UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation, 1))
            square = ImageOps.fit(image, (SIDE, SIDE), Image.Resampling.LANCZOS)
        page = Image.new("RGB", square.size, "white")
        if square.has_transparency_data:
            square = square.convert("RGBA")
            page.paste(square, mask=square.getchannel("A"))
        else:
            page.paste(square.convert("RGB"))
    except Image.DecompressionBombError as error:
        raise _too_many_pixels() from error
    except _BROKEN as error:
        raise Refused("no_picture", _("This file is no picture that can be read: take a JPEG, PNG or WebP.")) from error
    out = io.BytesIO()
    (page.transpose(turn) if turn is not None else page).save(out, "WEBP", quality=82, method=4)
    return out.getvalue()


def _too_many_pixels() -> Refused:
    return Refused("too_many_pixels", _("This picture is too large: make it smaller than 40 megapixels."))


def visible_to(user: User, public_id) -> Picture | None:
    """The picture, where it is the person's own or of somebody in a company that both are in."""
    found = Picture.objects.filter(public_id=public_id).first()
    if found is None or found.user_id == user.pk:
        return found
    theirs = user.memberships.filter(tenant__memberships__user=found.user_id)
    return found if theirs.exists() else None
