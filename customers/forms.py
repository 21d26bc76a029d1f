"""The upload form."""

from __future__ import annotations

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

ACCEPTED = (".csv", ".txt", ".tsv")


class UploadForm(forms.Form):
    file = forms.FileField(
        label=_("Your customers' file"),
        help_text=_("CSV, one line for each customer, with a header. The IBM Telco file works as it is."),
        widget=forms.ClearableFileInput(attrs={"accept": ",".join(ACCEPTED)}),
    )
    without_label = forms.BooleanField(
        label=_("This file does not say who left"),
        help_text=_("Tick it to bring in customers that a model will score; nothing can be learned from them."),
        required=False,
    )

    def clean_file(self):
        upload = self.cleaned_data["file"]
        if not upload.name.lower().endswith(ACCEPTED):
            raise forms.ValidationError(
                _("“%(name)s” is not a CSV file: export the table as CSV.") % {"name": upload.name}
            )
        if upload.size > settings.UPLOAD_MAX_BYTES:
            raise forms.ValidationError(
                _("The file is larger than %(maximum)s MB.") % {"maximum": settings.UPLOAD_MAX_BYTES // 2**20}
            )
        return upload
