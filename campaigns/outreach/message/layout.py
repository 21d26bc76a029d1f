"""Puts a body into a page that mail programs of all ages show alike: tables, 600 pixels, styles in the tags, either
direction, light and dark; under it who writes, why, and how not to be written to again.

Everything of the sender stands there as a mark (see placeholders.py), so that a company called "{first_name}" is called so.
"""

from __future__ import annotations

import css_inline

from .phrases import PHRASES
from .placeholders import LANGUAGES, RIGHT_TO_LEFT, mark

PIXEL = "pixel"  # the mark where the picture for counting openings goes, if one does

_STYLE = """
body { margin: 0; padding: 0; background-color: #f2f4f7; }
table { border-collapse: collapse; }
.page { width: 100%%; background-color: #f2f4f7; }
.outer { padding: 24px 12px; }
.card { width: 100%%; max-width: 600px; background-color: #ffffff; border-radius: 8px; }
.head { padding: 24px 32px 0 32px; font-family: %(font)s; font-size: 18px; line-height: 26px; font-weight: bold; color: #1d2939; text-align: %(side)s; }
.body { padding: 16px 32px 32px 32px; font-family: %(font)s; font-size: 16px; line-height: 26px; color: #344054; text-align: %(side)s; }
.body p { margin: 0 0 16px 0; }
.body h1 { margin: 0 0 16px 0; font-size: 24px; line-height: 32px; color: #1d2939; }
.body h2 { margin: 24px 0 12px 0; font-size: 20px; line-height: 28px; color: #1d2939; }
.body h3 { margin: 20px 0 8px 0; font-size: 17px; line-height: 26px; color: #1d2939; }
.body h4 { margin: 16px 0 8px 0; font-size: 16px; line-height: 26px; color: #1d2939; }
.body ul { margin: 0 0 16px 0; padding-%(side)s: 24px; }
.body ol { margin: 0 0 16px 0; padding-%(side)s: 24px; }
.body li { margin: 0 0 6px 0; }
.body blockquote { margin: 0 0 16px 0; padding-%(side)s: 16px; border-%(side)s: 3px solid #d0d5dd; color: #475467; }
.body hr { border: 0; border-top: 1px solid #e4e7ec; margin: 24px 0; }
.body img { max-width: 100%%; height: auto; border: 0; }
.body a { color: #175cd3; text-decoration: underline; }
.body a.button { display: inline-block; padding: 12px 24px; background-color: #175cd3; color: #ffffff; border-radius: 6px; text-decoration: none; font-weight: bold; }
.foot { padding: 20px 32px 28px 32px; border-top: 1px solid #e4e7ec; font-family: %(font)s; font-size: 13px; line-height: 20px; color: #667085; text-align: %(side)s; }
.foot p { margin: 0 0 8px 0; }
.foot a { color: #475467; text-decoration: underline; }
.preheader { display: none; max-height: 0; overflow: hidden; opacity: 0; font-size: 1px; line-height: 1px; color: #f2f4f7; }
"""
_KEPT = """
@media (prefers-color-scheme: dark) {
  body, .page, .outer { background-color: #101828 !important; }
  .card { background-color: #1d2939 !important; }
  .head, .body, .body h1, .body h2, .body h3, .body h4 { color: #f2f4f7 !important; }
  .body blockquote, .foot, .foot a { color: #d0d5dd !important; }
  .foot { border-color: #344054 !important; }
  .body a { color: #84adff !important; }
  .body a.button { background-color: #2e90fa !important; color: #ffffff !important; }
}
@media (max-width: 480px) {
  .outer { padding: 0 !important; }
  .head, .body, .foot { padding-left: 20px !important; padding-right: 20px !important; }
}
"""
_FONT = {
    "ar": "Tahoma, 'Segoe UI', Arial, sans-serif",  # their Arabic is legible at these sizes
}
_LATIN = "'Segoe UI', Helvetica, Arial, sans-serif"

# one for each language; the rules for dark and small screens cannot go into tags and stay in the head
_INLINERS = {
    language: css_inline.CSSInliner(
        keep_at_rules=True,
        load_remote_stylesheets=False,
        extra_css=_STYLE
        % {"font": _FONT.get(language, _LATIN), "side": "right" if language in RIGHT_TO_LEFT else "left"},
    )
    for language in LANGUAGES
}


def document(body: str, preheader: str, language: str, *, has_postal_address: bool, has_contact: bool) -> str:
    """A whole HTML document around a sanitised body, styles in the tags. ``preheader``: escaped, the line that a list of
    mails shows after the subject; may be empty. Marks: title, company, postal_address, contact, unsubscribe_url, pixel.
    """
    is_rtl = language in RIGHT_TO_LEFT
    side, direction = ("right", "rtl") if is_rtl else ("left", "ltr")
    hidden = f'<div class="preheader">{preheader}</div>' if preheader else ""
    table = f'role="presentation" cellpadding="0" cellspacing="0" border="0" dir="{direction}"'
    page = f"""<!DOCTYPE html>
<html lang="{language}" dir="{direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<meta name="format-detection" content="telephone=no, date=no, address=no, email=no">
<title>{mark("title")}</title>
<style>{_KEPT}</style>
</head>
<body dir="{direction}">
{hidden}
<table {table} class="page" width="100%"><tr><td class="outer" align="center">
<table {table} class="card" width="600">
<tr><td class="head" align="{side}">{mark("company")}</td></tr>
<tr><td class="body" align="{side}">
{body}
</td></tr>
<tr><td class="foot" align="{side}">
{_foot(language, has_postal_address=has_postal_address, has_contact=has_contact)}
</td></tr>
</table>
</td></tr></table>
{mark(PIXEL)}</body>
</html>
"""
    return _INLINERS[language].inline(page)


def _foot(language: str, *, has_postal_address: bool, has_contact: bool) -> str:
    said = PHRASES[language]
    lines = [f"{said.why[0]}{mark('company')}{said.why[1]}"]
    lines.append(mark("company") + (f"<br>{mark('postal_address')}" if has_postal_address else ""))
    if has_contact:
        lines.append(f"{said.contact}{said.colon}{mark('contact')}")
    lines.append(f'{said.no_more} <a href="{mark("unsubscribe_url")}">{said.unsubscribe}</a>')
    return "\n".join(f"<p>{line}</p>" for line in lines)


def text_document(body: str, language: str, *, has_postal_address: bool, has_contact: bool) -> str:
    """A plain text with the same foot under it, by the same marks."""
    said = PHRASES[language]
    lines = ["", "", "-- ", f"{said.why[0]}{mark('company')}{said.why[1]}", "", mark("company")]
    if has_postal_address:
        lines.append(mark("postal_address"))
    if has_contact:
        lines.append(f"{said.contact}{said.colon}{mark('contact')}")
    lines += ["", said.no_more, f"{said.unsubscribe}{said.colon}{mark('unsubscribe_url')}", ""]
    return body.rstrip("\n") + "\n".join(lines)
