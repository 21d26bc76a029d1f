"""Forms that ask why: what is corrected or removed here is written by the services, with its reason."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminTextareaWidget
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext_lazy as _

from core.errors import Refused
from tenants.admin import TenantAdmin

from .. import services

_MISSING = _("Say why: the reason is kept with the change.")


class ReasonForm(forms.ModelForm):
    """A row's own fields, and why they are corrected."""

    reason = forms.CharField(
        label=_("Reason"),
        required=False,  # a form that changes nothing needs none
        max_length=services.LONGEST_REASON,
        widget=AdminTextareaWidget(attrs={"rows": 2}),
        help_text=_("Why it is corrected. Kept in the customer’s history and in the audit trail."),
    )

    @property
    def corrections(self) -> dict[str, object]:
        """Field -> what it should hold, for the fields that the person changed."""
        return {name: self.cleaned_data[name] for name in self.changed_data if name != "reason"}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if self.instance.pk and set(self.changed_data) - {"reason"} and not cleaned.get("reason", "").strip():
            self.add_error("reason", _MISSING)
        return cleaned


class ReasonFormSet(forms.BaseInlineFormSet):
    """Rows inside another row's form, which holds the reason for all."""

    def clean(self) -> None:
        super().clean()
        if self.instance.pk and self.has_changed() and not self.data.get("reason", "").strip():
            raise ValidationError(_MISSING)


class CorrectionAdmin(TenantAdmin):
    """Rows that a person may correct with a reason. What the services refuse is said in words."""

    form = ReasonForm
    delete_confirmation_template = "admin/customers/delete_with_reason.html"

    def get_fieldsets(self, request: HttpRequest, obj=None):
        """The reason comes last, and only where there is something to correct."""
        fieldsets = [
            (name, {**options, "fields": [f for f in options["fields"] if f != "reason"]})
            for name, options in super().get_fieldsets(request, obj)
        ]
        if obj is not None and self.has_change_permission(request, obj):
            fieldsets.append((_("Why"), {"fields": ["reason"], "classes": ["reason"]}))
        return fieldsets

    def construct_change_message(self, request, form, formsets, add=False) -> list:
        return []  # Django's own log is not kept: the history and the trail are

    def changeform_view(self, request: HttpRequest, object_id=None, form_url="", extra_context=None) -> HttpResponse:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except Refused as refusal:
            messages.error(request, refusal.message)
            return HttpResponseRedirect(request.get_full_path())

    def delete_view(self, request: HttpRequest, object_id, extra_context=None) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except Refused as refusal:
            messages.error(request, refusal.message)
            return HttpResponseRedirect(request.get_full_path())

    def get_deleted_objects(self, objs, request: HttpRequest):
        """What goes along, in numbers: a long life of months and scores is not listed line by line."""
        obj = objs[0]
        return [str(obj)], self.goes_along(obj), set(), []

    def goes_along(self, obj) -> dict[str, int]:
        return {str(obj._meta.verbose_name): 1}


class NoAddition(admin.ModelAdmin):
    """Rows that are made elsewhere."""

    def has_add_permission(self, request, obj=None) -> bool:
        return False
