"""What HTML from people may hold, what is taken out of it, and how the author is told."""

from __future__ import annotations

import re
from collections.abc import Iterator

import nh3

from .markup import Tag, opening_tags
from .placeholders import holds_slot
from .problems import HTML, Problem, error, warning

UNSUBSCRIBE = "{unsubscribe_url}"

_ANYWHERE = frozenset({"dir", "lang", "style", "title"})
_CELL = frozenset({"align", "valign", "colspan", "rowspan", "width", "bgcolor"})
_PLAIN = (
    "b strong i em u s small sub sup br hr p div span h1 h2 h3 h4 ul ol li blockquote pre code bdi thead tbody tfoot tr"
).split()
ALLOWED: dict[str, frozenset[str]] = {
    **dict.fromkeys(_PLAIN, frozenset()),
    "a": frozenset({"href"}),
    "img": frozenset({"src", "alt", "width", "height"}),
    "table": frozenset({"align", "width", "border", "cellpadding", "cellspacing", "bgcolor", "role"}),
    "td": _CELL,
    "th": _CELL,
}
BUTTON = "button"  # the one class: a link that looks like a button
STYLES = frozenset(
    "color background-color text-align font-size font-weight font-style text-decoration line-height width max-width "
    "padding padding-top padding-right padding-bottom padding-left margin margin-top margin-bottom border border-radius "
    "vertical-align direction".split()
)
_WITH_CONTENT = frozenset(
    "script style title head iframe object embed noscript template textarea select svg math form".split()
)
_WHOLE_PAGE = frozenset({"html", "body", "head", "meta", "title", "center", "font"})  # nothing is lost with them

_ADDRESSES = ("href", "src")
# words, numbers and colours; a function only where it names a colour; nothing that loads or escapes
_STYLE = re.compile(r"(?:(?:rgb|rgba|hsl|hsla)\([\d\s.,%/]*\)|[\w\s:;#.,%!-])*", re.ASCII)


def _attribute(tag: str, name: str, value: str) -> str | None:
    if name in _ADDRESSES:
        if value == UNSUBSCRIBE and tag == "a":
            return value
        if holds_slot(value) or (tag == "img" and not value.lower().startswith("https:")):
            return None
    if name == "style" and not _is_plain_style(value):
        return None
    return value


def _is_plain_style(value: str) -> bool:
    return _STYLE.fullmatch(value) is not None


_CLEANER = nh3.Cleaner(
    tags=set(ALLOWED),
    clean_content_tags=set(_WITH_CONTENT),
    attributes={"*": set(_ANYWHERE), **{tag: set(names) for tag, names in ALLOWED.items() if names}},
    attribute_filter=_attribute,
    url_schemes={"https", "mailto"},
    url_relative=lambda url: url if url == UNSUBSCRIBE else None,
    link_rel=None,
    allowed_classes={"a": {BUTTON}},
    filter_style_properties=set(STYLES),
)


def sanitised(html: str) -> str:
    """A fragment that holds nothing but ALLOWED, well formed, with every attribute in double quotes; https and mailto
    addresses only, and the placeholder for unsubscribing as a whole address. What is sanitised twice stays as it is.
    """
    return _CLEANER.clean(html)


def problems_of(html: str) -> Iterator[Problem]:
    """What `sanitised` takes out of this HTML, each kind once with its first place; addresses one by one."""
    tags = [*opening_tags(html)]
    yield from _removed(html, tags)
    for tag in tags:
        attributes = dict(reversed(tag.attributes))  # the first of its name counts, as in a browser
        if tag.name == "a" and "href" in attributes:
            yield from _link(html, tag, attributes["href"].strip())
        if tag.name == "img":
            yield from _image(html, tag, attributes)


def _removed(html: str, tags: list[Tag]) -> Iterator[Problem]:
    first: dict[tuple[str, ...], Tag] = {}
    times: dict[tuple[str, ...], int] = {}
    for tag in tags:
        for kind in _kinds_removed(tag):
            first.setdefault(kind, tag)
            times[kind] = times.get(kind, 0) + 1
    for (code, *names), tag in first.items():
        facts: dict[str, object] = dict(zip(("tag", "attribute"), names, strict=False))
        if code == "forbidden_style":
            facts = {"style": names[0]}
        elif code != "comment_removed":
            facts["times"] = times[code, *names]
        yield warning(HTML, code, html, tag.at, html[tag.at : tag.end], **facts)


def _kinds_removed(tag: Tag) -> Iterator[tuple[str, ...]]:
    if tag.name == "!--":
        yield ("comment_removed",)
    elif tag.name not in ALLOWED:
        if tag.name not in _WHOLE_PAGE:
            yield "forbidden_tag", tag.name
    else:
        for name, value in tag.attributes:
            if name == "style":
                if not _is_plain_style(value):
                    yield "forbidden_style", value[:80]
                else:
                    names = [one.partition(":")[0].strip().lower() for one in value.split(";")]
                    yield from (("forbidden_style", one) for one in names if one and one not in STYLES)
            elif name == "class":
                if tag.name != "a" or value.strip() != BUTTON:
                    yield "forbidden_attribute", tag.name, name
            elif name not in _ANYWHERE and name not in ALLOWED[tag.name]:
                yield "forbidden_attribute", tag.name, name


def _link(html: str, tag: Tag, url: str) -> Iterator[Problem]:
    found = html[tag.at : tag.end]
    if url == UNSUBSCRIBE:
        return
    if holds_slot(url):
        yield error(HTML, "placeholder_in_link", html, tag.at, found, url=url[:200])
    elif not url.lower().startswith(("https://", "mailto:")):
        yield error(HTML, "link_not_https", html, tag.at, found, url=url[:200])


def _image(html: str, tag: Tag, attributes: dict[str, str]) -> Iterator[Problem]:
    found = html[tag.at : tag.end]
    url = attributes.get("src", "").strip()
    if holds_slot(url):
        yield error(HTML, "placeholder_in_link", html, tag.at, found, url=url[:200])
    elif not url.lower().startswith("https://"):
        yield error(HTML, "image_not_https", html, tag.at, found, url=url[:200])
    if "alt" not in attributes:
        yield warning(HTML, "image_without_alt", html, tag.at, found)
