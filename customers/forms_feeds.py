"""Forms of the feeds, one for each kind of source; credentials are asked for and never shown again."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from core.errors import Refused

from . import services
from .models import Feed
from .models.feeds import FEWEST_MINUTES, MOST_MINUTES
from .services.feed_sources import FIELDS, LONGEST, PLACES

_KEPT = _("Kept as it is while you leave this empty; it is never shown again.")


class _Secret(forms.PasswordInput):
    """What was typed is not sent back, not even with an error."""

    def __init__(self, **attrs: str) -> None:
        super().__init__(render_value=False, attrs={"autocomplete": "new-password", "spellcheck": "false", **attrs})


class FeedForm(forms.Form):
    """What every feed has: a name, a rhythm, and how what it brings is taken."""

    source_fields: tuple[str, ...] = ()

    name = forms.CharField(label=_("Name"), max_length=80, help_text=_("What it brings, such as “Customers, billing”."))
    rhythm = forms.ChoiceField(label=_("How often"), choices=Feed.Rhythm.choices, initial=Feed.Rhythm.DAILY)
    every_minutes = forms.IntegerField(
        label=_("Minutes between two looks"),
        min_value=FEWEST_MINUTES,
        max_value=MOST_MINUTES,
        initial=30,
        required=False,
    )
    weekday = forms.TypedChoiceField(
        label=_("Day"), choices=Feed.Weekday.choices, coerce=int, initial=0, required=False, empty_value=0
    )
    at = forms.TimeField(
        label=_("Time"), initial="06:00", required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    review = forms.ChoiceField(
        label=_("What it brings"),
        choices=[
            (Feed.Review.AGREE, _("waits until a person agrees to the dry run")),
            (Feed.Review.AT_ONCE, _("is written at once, where the columns were agreed to before")),
        ],
        help_text=_("A file of a new shape, or one that is mostly refused, waits for a person in either case."),
    )
    empty_clears = forms.BooleanField(
        label=_("Empty means empty"),
        help_text=_("An empty cell empties what was known. Else the older value stays."),
        required=False,
    )

    def __init__(self, *args, feed: Feed | None = None, **kwargs) -> None:
        self.feed = feed
        if feed is not None:
            kwargs["initial"] = {**self.initial_of(feed), **(kwargs.get("initial") or {})}
        super().__init__(*args, **kwargs)

    def initial_of(self, feed: Feed) -> dict[str, object]:
        names = ("name", "rhythm", "every_minutes", "weekday", "at", "review", "empty_clears")
        kept = {name: value for name, value in feed.options.items() if value != ""}
        return {**{name: getattr(feed, name) for name in names}, **kept}

    def clean(self) -> dict[str, object]:
        data = super().clean()
        for name, sentence in services.missing_of_schedule(data).items():
            if name not in self.errors:
                self.add_error(name, sentence)
        return data

    def sources(self) -> list[forms.BoundField]:
        return [self[name] for name in self.source_fields]

    def save(self, *, kind: str, actor) -> Feed | None:
        """The feed as the service made it; None, with the refusal on its field, where it did not."""
        data = self.cleaned_data
        given = services.Given(**{name: data[name] for name in self.source_fields})
        fields = {name: data[name] for name in ("name", "rhythm", "review", "empty_clears")}
        fields |= {name: data[name] for name in ("every_minutes", "weekday", "at") if data.get(name) not in (None, "")}
        try:
            if self.feed is None:
                return services.create_feed(kind=kind, given=given, actor=actor, **fields)
            return services.change_feed(feed=self.feed, given=given, actor=actor, **fields)
        except Refused as refusal:
            self.add_error(self._place_of(refusal.code), refusal.message)
            return None

    def _place_of(self, code: str) -> str | None:
        """The field that a refusal is about; None: it stands above the form."""
        place = PLACES.get(code)
        return place if place in self.fields else None


def _sheet() -> forms.CharField:
    return forms.CharField(
        label=_("Sheet"),
        max_length=LONGEST["sheet"],
        required=False,
        help_text=_("Of a workbook with several; else the likeliest."),
    )


class FolderFeedForm(FeedForm):
    source_fields = FIELDS[Feed.Kind.FOLDER]

    pattern = forms.CharField(
        label=_("Files"),
        initial="*",
        max_length=LONGEST["pattern"],
        help_text=_("A pattern of names: * stands for anything, such as “customers-*.csv”."),
    )
    sheet = _sheet()


class QueryFeedForm(FeedForm):
    source_fields = FIELDS[Feed.Kind.SQL]

    url = forms.CharField(
        label=_("Address of the database"),
        max_length=LONGEST["url"],
        required=False,
        widget=_Secret(placeholder="postgresql://name:password@machine:5432/database"),
    )
    query = forms.CharField(
        label=_("Query"),
        max_length=LONGEST["query"],
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false", "class": "font-mono"}),
        help_text=_("One SELECT that gives a line for each customer. It is run so that it can only read."),
    )

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["url"].help_text = (
            _KEPT
            if self.feed is not None
            else _("postgresql://, mysql:// or mariadb://. Use a name that may only read. Stored encrypted.")
        )


class AddressFeedForm(FeedForm):
    source_fields = FIELDS[Feed.Kind.HTTPS]

    address = forms.CharField(
        label=_("Address"),
        max_length=LONGEST["address"],
        widget=forms.TextInput(attrs={"placeholder": "https://", "spellcheck": "false", "inputmode": "url"}),
        help_text=_("Of a CSV, Excel or Parquet file. What follows a question mark is kept secret."),
    )
    auth = forms.ChoiceField(
        label=_("Credentials"),
        choices=[("none", _("none")), ("header", _("a header")), ("basic", _("name and password"))],
        required=False,
    )
    header = forms.CharField(label=_("Header"), max_length=LONGEST["header"], required=False, initial="Authorization")
    value = forms.CharField(label=_("Its value"), max_length=LONGEST["value"], required=False, widget=_Secret())
    user = forms.CharField(
        label=_("User name"),
        max_length=LONGEST["user"],
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    password = forms.CharField(label=_("Password"), max_length=LONGEST["password"], required=False, widget=_Secret())
    sheet = _sheet()

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        for name in ("value", "password") if self.feed is not None else ():
            self.fields[name].help_text = _KEPT

    def clean_auth(self) -> str:
        return self.cleaned_data["auth"] or "none"


FORMS: dict[str, type[FeedForm]] = {
    Feed.Kind.FOLDER: FolderFeedForm,
    Feed.Kind.SQL: QueryFeedForm,
    Feed.Kind.HTTPS: AddressFeedForm,
}
