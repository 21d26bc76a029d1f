"""Forms of the imports: the upload, the same for programs, and the columns page."""

from __future__ import annotations

import re
from datetime import date

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from .wording import ANY_VALUE, ATTRIBUTE, BY_COLUMN, ID, ID_RULES, LABEL

# What the file picker shows first; what a file is, its content decides.
ACCEPTED = (".csv", ".txt", ".tsv", ".xlsx", ".xlsm", ".parquet", ".gz", ".zip")
_MONTH = re.compile(r"(\d{4})-(\d{1,2})(?:-\d{1,2})?")


class MonthField(forms.Field):
    """A month as browsers and programs write it, ``2025-06``; becomes its first day."""

    widget = forms.TextInput(attrs={"type": "month", "placeholder": "2025-06", "class": "input"})

    def to_python(self, value) -> date | None:
        if not value:
            return None
        found = _MONTH.fullmatch(str(value).strip())
        try:
            return date(int(found[1]), int(found[2]), 1) if found else self._refuse()
        except ValueError:
            return self._refuse()

    def _refuse(self):
        raise forms.ValidationError(_("Write the month as 2025-06."))


class UploadForm(forms.Form):
    file = forms.FileField(
        label=_("Your customers' file"),
        help_text=_(
            "CSV, Excel (.xlsx) or Parquet, packed or not, with a header. Headers may be in French or English, in any order."
        ),
        widget=forms.ClearableFileInput(attrs={"accept": ",".join(ACCEPTED)}),
    )

    def clean_file(self):
        upload = self.cleaned_data["file"]
        if upload.size > settings.UPLOAD_MAX_BYTES:
            raise forms.ValidationError(
                _("The file is larger than %(maximum)s MB.") % {"maximum": settings.UPLOAD_MAX_BYTES // 2**20}
            )
        return upload


class ProgramUploadForm(UploadForm):
    """An upload by a program, with all that a person would say on the pages."""

    mapping = forms.JSONField(required=False)
    id_column = forms.CharField(required=False, max_length=255)
    label_column = forms.CharField(required=False, max_length=255)
    sheet = forms.CharField(required=False, max_length=255)
    dry_run = forms.BooleanField(required=False)
    attended = forms.BooleanField(required=False)
    without_label = forms.BooleanField(required=False)
    empty_means_empty = forms.BooleanField(required=False)
    usage_month = MonthField(required=False)

    def clean_mapping(self) -> dict | None:
        mapping = self.cleaned_data["mapping"]
        if mapping is not None and not isinstance(mapping, dict):
            raise forms.ValidationError(_("The mapping is a JSON object."))
        return mapping

    def clean(self) -> dict:
        cleaned = super().clean()
        if cleaned.get("dry_run") and cleaned.get("attended"):
            raise forms.ValidationError(_("An attended import shows its dry run anyway: leave dry_run out."))
        return cleaned


class MappingForm(forms.Form):
    """The columns page as it is sent.

    ``identity``, ``label``: a column's position, or row_hash and row_number, or nothing. ``column_<position>``: its target,
    an other field with its type (``attribute:number``). ``value_<n>``, ``meaning_<n>``: what a value of the label means.
    """

    identity = forms.CharField(error_messages={"required": _("Say where customer numbers come from.")})
    label = forms.CharField(required=False)
    label_rule = forms.ChoiceField(choices=[("values", ""), ("presence", "")], required=False)
    more_left = forms.CharField(required=False)
    empty_clears = forms.BooleanField(required=False)
    usage_month = MonthField(required=False)

    def __init__(self, data, *, columns: list[dict], whole_labels: set[int]) -> None:
        """``columns``: those of the proposal; ``whole_labels``: positions of columns of which every value is on the page."""
        super().__init__(data)
        self._columns = columns
        self._whole_labels = {str(position) for position in whole_labels}

    def clean(self) -> dict:
        cleaned = super().clean()
        positions = {str(column["position"]) for column in self._columns}
        if cleaned.get("identity") and cleaned["identity"] not in (*positions, *ID_RULES[1:]):
            self.add_error("identity", _("There is no such column."))
        label = cleaned.get("label", "")
        if label and label not in positions:
            self.add_error("label", _("There is no such column."))
        elif label and label == cleaned.get("identity"):
            self.add_error("label", _("One column cannot be the customer number and say who left."))
        elif label and not self._is_by_presence(label) and any(not m for m in self._meanings(label).values()):
            self.add_error("label", _("Say of each value whether it means left, stayed or not known."))
        return cleaned

    def mapping(self) -> dict[str, object]:
        """What was chosen, also where it is refused: as ``customers.services.map_import`` takes it."""
        identity, label = self.data.get("identity", ""), self.data.get("label", "")
        columns = {}
        for column in self._columns:
            position = str(column["position"])
            given = self.data.get(f"column_{position}") or f"{ATTRIBUTE}:{column['type']}"
            target, _colon, kind = given.partition(":")
            if position == identity:
                target, kind = ID, ""
            elif position == label:
                target, kind = LABEL, ""
            columns[column["header"]] = {"target": target, "type": kind} if kind else {"target": target}
        rule = identity if identity in ID_RULES[1:] else BY_COLUMN
        return {"version": 1, "columns": columns, "id": rule, "label": self._label(label)}

    def _label(self, label: str) -> dict[str, list[str]]:
        if not label:
            return {"yes": [], "no": [], "unknown": []}
        if self._is_by_presence(label):
            return {"yes": [ANY_VALUE], "no": [], "unknown": []}
        said = self._meanings(label)
        more = [line.strip() for line in self.data.get("more_left", "").splitlines() if line.strip()]
        yes = [value for value, meaning in said.items() if meaning == "left"]
        # Where not every value was on the page, those that were not have stayed.
        no = [value for value, meaning in said.items() if meaning == "stayed" and label in self._whole_labels]
        unknown = [value for value, meaning in said.items() if meaning == "unknown"]
        return {"yes": list(dict.fromkeys([*yes, *more])), "no": no, "unknown": unknown}

    def _is_by_presence(self, label: str) -> bool:
        return self.data.get("label_rule") == "presence" and self.data.get("values_of") == label

    def _meanings(self, label: str) -> dict[str, str]:
        """Value -> left, stayed, unknown or nothing, of the column that was on the page; of another nothing is known."""
        if self.data.get("values_of") != label:
            return {}
        found = {}
        number = 0
        while (value := self.data.get(f"value_{number}")) is not None:
            meaning = self.data.get(f"meaning_{number}", "")
            found[value] = meaning if meaning in ("left", "stayed", "unknown") else ""
            number += 1
        return found

    def complaint(self) -> tuple[str, str]:
        """(field, sentence) of the first error."""
        name, errors = next(iter(self.errors.items()))
        return name, str(errors[0])


class SheetForm(forms.Form):
    sheet = forms.CharField(max_length=255)


def mapping_of_body(body: object) -> dict:
    """A program's mapping with what belongs to it: {"mapping", "empty_clears", "usage_month"}. Raises ValidationError.

    The body is the mapping itself, with ``empty_means_empty`` and ``usage_month`` beside it; an empty one agrees to what
    was proposed.
    """
    if not isinstance(body, dict):
        raise forms.ValidationError(_now("The mapping is a JSON object."))
    clears = body.get("empty_means_empty", False)
    if not isinstance(clears, bool):
        raise forms.ValidationError(_now("empty_means_empty is true or false."))
    return {
        "mapping": {k: v for k, v in body.items() if k not in ("empty_means_empty", "usage_month")},
        "empty_clears": clears,
        "usage_month": MonthField(required=False).clean(body.get("usage_month")),
    }
