"""Forms of the feeds, one for each kind of source; credentials are asked for and never shown again."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.errors import Refused

from . import services
from .models import Feed

_KEPT = _("Kept as it is while you leave this empty; it is never shown again.")


class _Secret(forms.PasswordInput):
    """What was typed is not sent back, not even with an error."""

    def __init__(self, **attrs: str) -> None:
        super().__init__(render_value=False, attrs={"autocomplete": "new-password", "spellcheck": "false", **attrs})


class FeedForm(forms.Form):
    """What every feed has: a name, a rhythm, and how what it brings is taken."""

    source_fields: tuple[str, ...] = ()
    # Which field a refusal of the service is about; the others stand above the form.
    places: dict[str, str] = {"name_taken": "name"}

    name = forms.CharField(label=_("Name"), max_length=80, help_text=_("What it brings, such as “Customers, billing”."))
    rhythm = forms.ChoiceField(label=_("How often"), choices=Feed.Rhythm.choices, initial=Feed.Rhythm.DAILY)
    every_minutes = forms.IntegerField(
        label=_("Minutes between two looks"), min_value=5, max_value=1440, initial=30, required=False
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
        rhythm = data.get("rhythm")
        if rhythm == Feed.Rhythm.MINUTES and not data.get("every_minutes") and "every_minutes" not in self.errors:
            self.add_error("every_minutes", gettext("Say how many minutes."))
        if rhythm in (Feed.Rhythm.DAILY, Feed.Rhythm.WEEKLY) and data.get("at") is None and "at" not in self.errors:
            self.add_error("at", gettext("Say at what time."))
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
            self.add_error(self.places.get(refusal.code), refusal.message)
            return None


def _sheet() -> forms.CharField:
    return forms.CharField(
        label=_("Sheet"), max_length=255, required=False, help_text=_("Of a workbook with several; else the likeliest.")
    )


class FolderFeedForm(FeedForm):
    source_fields = ("pattern", "sheet")
    places = {**FeedForm.places, "bad_pattern": "pattern"}

    pattern = forms.CharField(
        label=_("Files"),
        initial="*",
        max_length=100,
        help_text=_("A pattern of names: * stands for anything, such as “customers-*.csv”."),
    )
    sheet = _sheet()


class QueryFeedForm(FeedForm):
    source_fields = ("url", "query")
    places = {
        **FeedForm.places,
        **dict.fromkeys(("bad_url", "unknown_engine", "driver_missing", "bad_option", "no_file", "no_url"), "url"),
        **dict.fromkeys(
            ("no_query", "too_long", "two_statements", "not_a_select", "writes", "open_quote", "hidden_code"), "query"
        ),
    }

    url = forms.CharField(
        label=_("Address of the database"),
        max_length=2000,
        required=False,
        widget=_Secret(placeholder="postgresql://name:password@machine:5432/database"),
    )
    query = forms.CharField(
        label=_("Query"),
        max_length=20_000,
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
    source_fields = ("address", "auth", "header", "value", "user", "password", "sheet")
    places = {
        **FeedForm.places,
        **dict.fromkeys(("bad_address", "not_https", "credentials_in_address"), "address"),
        "bad_header": "header",
        "bad_header_value": "value",
        "no_credentials": "auth",
    }

    address = forms.CharField(
        label=_("Address"),
        max_length=2000,
        widget=forms.TextInput(attrs={"placeholder": "https://", "spellcheck": "false", "inputmode": "url"}),
        help_text=_("Of a CSV, Excel or Parquet file. What follows a question mark is kept secret."),
    )
    auth = forms.ChoiceField(
        label=_("Credentials"),
        choices=[("none", _("none")), ("header", _("a header")), ("basic", _("name and password"))],
        required=False,
    )
    header = forms.CharField(label=_("Header"), max_length=100, required=False, initial="Authorization")
    value = forms.CharField(label=_("Its value"), max_length=4096, required=False, widget=_Secret())
    user = forms.CharField(
        label=_("User name"), max_length=200, required=False, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    password = forms.CharField(label=_("Password"), max_length=500, required=False, widget=_Secret())
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
