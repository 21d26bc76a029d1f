"""Forms of the pages about messages: a wording in each language, a draft for a segment, what becomes of a draft."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from segmentation import selectors as segmentation
from segmentation import wording_personas
from segmentation.models import Offer, Segment

from . import selectors
from . import wording_messages as words
from .models import MessageTemplate
from .models.messages import LANGUAGES
from .services import briefing, drafting, messages

_ROWS = {"text": 14, "html": 8}


@dataclass(frozen=True, slots=True)
class Tab:
    """One language's fields on the page of a message."""

    code: str
    name: str
    subject: forms.BoundField
    text: forms.BoundField
    html: forms.BoundField
    problems: list[dict[str, Any]]

    @property
    def errors(self) -> list[dict[str, Any]]:
        return [one for one in self.problems if one["severity"] == "error"]

    @property
    def warnings(self) -> list[dict[str, Any]]:
        return [one for one in self.problems if one["severity"] != "error"]

    @property
    def is_written(self) -> bool:
        return any(field.value() for field in (self.subject, self.text, self.html))


class MessageForm(forms.Form):
    """A message: its name, and subject, text and HTML in each language. What is wrong with a wording stands by its tab."""

    name = forms.CharField(
        label=_("Name"), max_length=messages.NAME_MOST, help_text=_("For colleagues; customers do not see it.")
    )

    def __init__(
        self, *arguments: Any, template: MessageTemplate | None = None, parts: dict | None = None, **options: Any
    ) -> None:
        self.template = template
        if template is not None:
            options["initial"] = {"name": template.name} | {
                f"{field}_{code}": (parts or {}).get(code, {}).get(field, "")
                for code in LANGUAGES
                for field in messages.FIELDS
            }
        super().__init__(*arguments, **options)
        for code in LANGUAGES:
            direction = {"dir": "rtl" if code == "ar" else "ltr", "lang": code, "data-wording": code}
            # Lengths are the engine's own matter, which names the part, the line and the column.
            self.fields[f"subject_{code}"] = forms.CharField(
                label=words.PARTS["subject"],
                required=False,
                strip=False,
                widget=forms.TextInput(attrs=direction | {"autocomplete": "off"}),
            )
            for field in ("text", "html"):
                self.fields[f"{field}_{code}"] = forms.CharField(
                    label=words.PARTS[field],
                    required=False,
                    strip=False,
                    widget=forms.Textarea(
                        attrs=direction
                        | {"rows": _ROWS[field]}
                        | ({"dir": "ltr", "class": "font-mono", "spellcheck": "false"} if field == "html" else {})
                    ),
                )
        self.problems: list[dict[str, Any]] = []

    def parts(self) -> dict[str, dict[str, str]]:
        """The wordings as they were sent, whatever is wrong with them."""
        return {code: {field: self.data.get(f"{field}_{code}", "") for field in messages.FIELDS} for code in LANGUAGES}

    def tabs(self) -> list[Tab]:
        return [
            Tab(
                code,
                words.LANGUAGES[code],
                *(self[f"{field}_{code}"] for field in messages.FIELDS),
                problems=[one for one in self.problems if one["language"] == code],
            )
            for code in LANGUAGES
        ]

    def open_tab(self, wanted: str = "") -> str:
        """The tab to begin with: the first with an error, else the one asked for, else the first that is written."""
        tabs = self.tabs()
        for tab in tabs:
            if tab.errors:
                return tab.code
        if wanted in LANGUAGES:
            return wanted
        return next((tab.code for tab in tabs if tab.is_written), briefing.first_language())


class SegmentDraftForm(forms.Form):
    """For whom a draft is, with which offer, how it speaks."""

    segment = forms.ChoiceField(label=_("Segment"))
    offer = forms.ChoiceField(label=_("Offer"), required=False)
    language = forms.ChoiceField(label=_("Language"), choices=list(words.LANGUAGES.items()))
    tone = forms.ChoiceField(label=_("Tone"), choices=list(words.TONES.items()))
    seed = forms.IntegerField(required=False, min_value=0, max_value=drafting.SEEDS - 1, widget=forms.HiddenInput)
    draft = forms.UUIDField(required=False, widget=forms.HiddenInput)  # the same form sent twice is one draft

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.segments = {str(one.number): one for one in segmentation.segments()}
        self.offers = {str(one.public_id): one for one in selectors.offers_by_mail()[:200]}
        self.fields["segment"].choices = [
            (key, f"{one.label} · {wording_personas.persona(one)}") for key, one in self.segments.items()
        ]
        self.fields["offer"].choices = [
            ("", _("Without an offer")),
            *((key, one.name) for key, one in self.offers.items()),
        ]

    def wanted(self) -> dict[str, Any]:
        given = self.cleaned_data
        segment: Segment = self.segments[given["segment"]]
        offer: Offer | None = self.offers.get(given["offer"])
        return {
            "segment": segment,
            "offer": offer,
            "language": given["language"],
            "tone": given["tone"],
            "seed": given["seed"] or 0,
            "public_id": given["draft"],
        }


class CustomerDraftForm(forms.Form):
    """How a draft for one customer speaks."""

    language = forms.ChoiceField(label=_("Language"), choices=list(words.LANGUAGES.items()))
    tone = forms.ChoiceField(label=_("Tone"), choices=list(words.TONES.items()))
    seed = forms.IntegerField(required=False, min_value=0, max_value=drafting.SEEDS - 1, widget=forms.HiddenInput)
    draft = forms.UUIDField(required=False, widget=forms.HiddenInput)


class ApproveForm(forms.Form):
    """What a person makes of a segment's draft: a message of its own, or the wording in its language of one that there is."""

    subject = forms.CharField(label=words.PARTS["subject"], max_length=300)
    text = forms.CharField(label=words.PARTS["text"], max_length=20_000, widget=forms.Textarea(attrs={"rows": 16}))
    template = forms.ChoiceField(label=_("Message"), required=False)
    name = forms.CharField(label=_("Name of the new message"), max_length=messages.NAME_MOST, required=False)
    despite = forms.BooleanField(required=False)

    def __init__(self, *arguments: Any, language: str, **options: Any) -> None:
        super().__init__(*arguments, **options)
        direction = {"dir": "rtl" if language == "ar" else "ltr", "lang": language}
        for name in ("subject", "text"):
            self.fields[name].widget.attrs |= direction
        self.templates = {
            str(one.public_id): one for one in MessageTemplate.objects.filter(is_archived=False).order_by("name")[:500]
        }
        self.fields["template"].choices = [
            ("", _("A new message")),
            *((key, one.name) for key, one in self.templates.items()),
        ]

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        if not given.get("template") and not given.get("name", "").strip():
            self.add_error("name", _("Give the new message a name."))
        return given
