"""Doors for tables out of the back office, and for small files of corrections in: django-import-export behind our own."""

from __future__ import annotations

from collections.abc import Mapping

import tablib
from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from import_export.admin import ImportExportMixin
from import_export.forms import ConfirmImportForm, ExportForm, ImportForm

from core.errors import Refused
from core.templatetags.ui import thousands
from tenants import services as tenants

from .. import services
from .formats import CSV, JSON, MOST_CORRECTED, XLSX, CompanyStorage

MOST_EXPORTED = 10_000
_MOST_BYTES = 5 * 1024 * 1024
_PREVIEWED = 100


class _Options(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=services.LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 2, "class": "vLargeTextField"}),
        help_text=gettext_lazy("Why these are corrected. Kept in each customer’s history and in the audit trail."),
    )
    empty_clears = forms.BooleanField(
        label=gettext_lazy("An empty cell empties the field"),
        required=False,
        help_text=gettext_lazy("Otherwise an empty cell leaves what is there."),
    )


class CorrectionsForm(_Options, ImportForm):
    field_order = ["resource", "import_file", "reason", "empty_clears", "format"]

    def __init__(self, formats, resources, **kwargs: object) -> None:
        super().__init__(formats, resources, **kwargs)
        self.fields["format"].widget = forms.HiddenInput()
        self.fields["format"].required = False
        self.fields["import_file"].widget.attrs["accept"] = ".csv,text/csv"

    def clean_format(self) -> str:
        return "0"

    def clean_import_file(self):
        file = self.cleaned_data["import_file"]
        if file.size > _MOST_BYTES:
            raise forms.ValidationError(
                _("The file is larger than %(most)s MB: bring it in as an import.") % {"most": _MOST_BYTES // 2**20}
            )
        return file


class ConfirmForm(_Options, ConfirmImportForm):
    format = forms.CharField(widget=forms.HiddenInput(), required=False)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget = forms.HiddenInput()

    def clean_format(self) -> str:
        return "0"


# ---------------------------------------------------------------- the doors


class CorrectionsByFile(ImportExportMixin):
    """Export of the list as it is filtered, and corrections by file, for those who may."""

    import_export_change_list_template = "admin/customers/change_list.html"
    import_template_name = "admin/customers/corrections_by_file.html"
    export_template_name = "admin/customers/export.html"
    import_form_class = CorrectionsForm
    confirm_form_class = ConfirmForm
    export_form_class = ExportForm
    tmp_storage_class = CompanyStorage
    skip_admin_log = True

    formats = [CSV, XLSX, JSON]
    export_formats = import_formats = formats

    def has_import_permission(self, request: HttpRequest) -> bool:
        return self.has_change_permission(request)

    def has_export_permission(self, request: HttpRequest) -> bool:
        membership = getattr(request, "membership", None)
        return self.has_view_permission(request) and membership.can("export_customers")

    # ---------------------------------------------------------------- out

    def get_valid_export_item_pks(self, request: HttpRequest) -> list[int]:
        return []  # rows are chosen by the list's filters; the library would read every key of the table here

    def get_export_resource_kwargs(self, request: HttpRequest, **kwargs: object) -> dict:
        return {}

    def export_action(self, request: HttpRequest) -> HttpResponse:
        try:
            return super().export_action(request)
        except Refused as refusal:
            messages.error(request, refusal.message)
            return HttpResponseRedirect(reverse(f"admin:customers_{self.opts.model_name}_changelist"))

    def get_export_queryset(self, request: HttpRequest) -> QuerySet:
        rows = super().get_export_queryset(request).order_by("pk")
        if len(rows.values_list("pk")[: MOST_EXPORTED + 1]) > MOST_EXPORTED:
            raise Refused(
                "too_many_rows",
                _(
                    "More than %(most)s rows: filter the list first, or export from the page of customers, which takes any number."
                )
                % {"most": thousands(MOST_EXPORTED)},
            )
        if self.opts.model_name != "customer":
            rows = rows.select_related("customer")
        return rows

    def get_data_for_export(self, request: HttpRequest, queryset: QuerySet, **kwargs: object) -> tablib.Dataset:
        data = super().get_data_for_export(request, queryset, **kwargs)
        tenants.record(
            "customers_exported",
            actor=request.user,
            table=self.opts.model_name,
            rows=len(data),
            filters=sorted(name for name, value in request.GET.items() if value),
        )
        return data

    def get_export_filename(self, request: HttpRequest, queryset: QuerySet, file_format) -> str:
        name = {"customer": "customers", "subscription": "subscriptions"}.get(self.opts.model_name, "usage")
        return f"{name}-{request.tenant.slug}-{timezone.localdate():%Y-%m-%d}.{file_format.get_extension()}"

    def init_request_context_data(self, request: HttpRequest, form) -> dict:
        context = super().init_request_context_data(request, form)
        return {**context, "title": _("Export"), "columns": context["fields_list"][0][1], "most": MOST_EXPORTED}

    # ---------------------------------------------------------------- in

    def get_import_resource_kwargs(self, request: HttpRequest, form=None, **kwargs: object) -> dict:
        said = getattr(form, "cleaned_data", {}) if form is not None and form.is_bound and form.is_valid() else {}
        file = said.get("original_file_name") or getattr(said.get("import_file"), "name", "")
        return {
            "actor": request.user,
            "reason": said.get("reason", ""),
            "empty_clears": said.get("empty_clears", False),
            "source": str(file)[:120],
        }

    def get_import_data_kwargs(self, **kwargs: object) -> dict:
        return {}

    def get_confirm_form_initial(self, request: HttpRequest, import_form) -> dict:
        initial = super().get_confirm_form_initial(request, import_form)
        if import_form is not None:
            initial |= {name: import_form.cleaned_data[name] for name in ("reason", "empty_clears")}
        return initial

    def add_data_read_fail_error_to_form(self, form: forms.Form, e: Exception) -> None:
        sentence = e.message if isinstance(e, Refused) else _("This is not a CSV file: export it as CSV.")
        form.add_error("import_file", sentence)

    def import_action(self, request: HttpRequest, **kwargs: object) -> HttpResponse:
        response = super().import_action(request, **kwargs)
        response.context_data["title"] = _("Correct by a file")
        response.context_data |= self._preview(response.context_data.get("result"))
        return response

    def process_import(self, request: HttpRequest, **kwargs: object) -> HttpResponse:
        if not self.has_import_permission(request):
            raise PermissionDenied
        try:
            return super().process_import(request, **kwargs)
        except Refused as refusal:
            messages.error(request, refusal.message)
        return HttpResponseRedirect(reverse(f"admin:customers_{self.opts.model_name}_import"))

    def process_result(self, result, request: HttpRequest) -> HttpResponse:
        if result.has_errors() or result.has_validation_errors():
            # What was fine in the preview no longer is: somebody changed it meanwhile. Nothing was written.
            context = {**self.admin_site.each_context(request), "opts": self.opts, "result": result}
            context |= {"title": _("Correct by a file"), **self._preview(result)}
            return TemplateResponse(request, self.import_template_name, context)
        return super().process_result(result, request)

    def add_success_message(self, result, request: HttpRequest) -> None:
        changed = result.totals["update"]
        said = ngettext("%(n)s row was corrected.", "%(n)s rows were corrected.", changed) % {"n": thousands(changed)}
        messages.success(request, said)

    @staticmethod
    def _preview(result) -> Mapping[str, object]:
        """What the page shows of a dry run: counts, the first changes and the first problems."""
        if result is None:
            return {"most": MOST_CORRECTED}
        changed = [row for row in result.rows if row.is_update()]
        problems = [(row.number, _sentences(row.error)) for row in result.invalid_rows]
        problems += [(line, [str(e.error) for e in errors]) for line, errors in result.row_errors()]
        return {
            "most": MOST_CORRECTED,
            "changed": len(changed),
            "unchanged": result.totals["skip"],
            "changes": changed[:_PREVIEWED],
            "refused": len(problems),
            "problems": [(line + 1, words) for line, words in problems[:_PREVIEWED]],  # the header is line 1
            "file_problems": [str(error.error) for error in result.base_errors],
        }


def _sentences(error) -> list[str]:
    """A line's problems, each with the name of its column."""
    if not hasattr(error, "message_dict"):
        return list(error.messages)
    return [f"{column}: {sentence}" for column, sentences in error.message_dict.items() for sentence in sentences]
