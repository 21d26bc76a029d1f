"""What the back office exports and takes corrections for: django-import-export's resources, read and written by our services."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import QuerySet
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from import_export import fields, instance_loaders, resources, widgets
from import_export.results import RowResult

from core.errors import Refused
from core.tabular import safe_cell
from tenants.models import User

from .. import services
from ..history import in_words
from ..models import Customer, FormerNumber, Subscription, UsageRecord

_FLAG = {True: "Yes", False: "No"}


class Cell(widgets.Widget):
    """A field of ours in a file: typed on the way out, read like an import's cell on the way in."""

    def __init__(self, field: models.Field) -> None:
        super().__init__()
        self.field = field

    def render(self, value: object, obj=None, **kwargs: object) -> object:
        if isinstance(value, bool):
            return _FLAG[value]
        if self.field.name == "month" and value:
            return f"{value:%Y-%m}"
        return "" if value is None else value

    def clean(self, value: object, row=None, **kwargs: object) -> object:
        return services.read_cell(self.field, str(value or ""))


class _Loader(instance_loaders.BaseInstanceLoader):
    """The rows that a file speaks of, fetched at once from the company in scope."""

    def __init__(self, resource: CorrectionResource, dataset=None) -> None:
        super().__init__(resource, dataset)
        numbers = {resource.number(row) for row in dataset.dict} if dataset else set()
        path = resource.fields["external_id"].attribute
        rows = resource.get_queryset().filter(**{f"{path}__in": numbers})
        self._rows = {resource.key_of(row): row for row in rows}

    def get_instance(self, row: Mapping):
        return self._rows.get(self.resource.key(row))


class CorrectionResource(resources.ModelResource):
    """Rows out, and corrections of rows that are there in. Creates nothing, deletes nothing.

    A column that the file lacks stays as it is, and so does an empty cell unless ``empty_clears``. What differs is gathered
    while the rows are read and written at once at the end, by one service call, with one reason.
    """

    class Meta:
        instance_loader_class = _Loader
        import_id_fields = ("external_id",)
        skip_diff = True  # ours says only what changes, and needs no styles in the page
        skip_unchanged = True
        clean_model_instances = False

    def __init__(
        self, *, actor: User | None = None, reason: str = "", empty_clears: bool = False, source: str = ""
    ) -> None:
        super().__init__()
        self._actor, self._reason, self._empty_clears, self._source = actor, reason, empty_clears, source
        self._corrections: list[services.Correction] = []
        self._changes: dict[str, tuple[object, object]] = {}
        self._seen: set[int] = set()
        self.customers_changed = 0

    @classmethod
    def field_from_django_field(cls, field_name: str, django_field: models.Field, readonly: bool) -> fields.Field:
        return fields.Field(attribute=field_name, column_name=field_name, widget=Cell(django_field), readonly=readonly)

    # ---------------------------------------------------------------- which row

    def number(self, row: Mapping) -> str:
        return str(row.get("external_id") or "").strip()

    def key(self, row: Mapping) -> object:
        """What a line of the file says by which a row is found."""
        return self.number(row)

    def key_of(self, instance) -> object:
        return self.fields["external_id"].get_value(instance)

    def init_instance(self, row: Mapping | None = None):
        """Nobody was found: a correction creates nothing."""
        former = FormerNumber.objects.filter(external_id=self.number(row or {})).select_related("customer").first()
        if former is not None:
            problem = _("This customer was merged: correct %(who)s instead.") % {"who": former.customer}
        else:
            problem = _("There is no such row, and corrections create none.")
        raise ValidationError({"external_id": problem})

    def after_init_instance(self, instance, new: bool, row: Mapping, **kwargs: object) -> None:
        self._changes = {}
        if instance.pk in self._seen:
            raise ValidationError({"external_id": _("This row stands on an earlier line of the same file.")})
        self._seen.add(instance.pk)

    # ---------------------------------------------------------------- a line

    def before_import(self, dataset, **kwargs: object) -> None:
        """Refuse the file whole where its columns are not ours."""
        known = [field.column_name for field in self.get_import_fields()]
        headers = list(dataset.headers or [])
        missing = [name for name in self.get_import_id_fields() if name not in headers]
        strangers = [str(header)[:60] for header in headers if header not in known]
        if missing:
            dataset.wipe()
            sentence = _("The file needs the column %(columns)s.") % {"columns": ", ".join(missing)}
            raise Refused("missing_columns", sentence)
        if strangers:
            dataset.wipe()
            sentence = _("No such column is corrected here: %(columns)s. There are: %(known)s.")
            raise Refused(
                "unknown_columns", sentence % {"columns": ", ".join(strangers[:10]), "known": ", ".join(known)}
            )

    def import_field(self, field: fields.Field, instance, row: Mapping, is_m2m: bool = False, **kwargs: object) -> None:
        name = field.column_name
        if name not in row or name in self.get_import_id_fields():
            return
        text = str(row[name] if row[name] is not None else "")
        old = field.get_value(instance)
        if text == str(safe_cell(field.widget.render(old))) or (not text.strip() and not self._empty_clears):
            return
        if text.startswith("'") and safe_cell(text[1:]) == text:
            text = text[1:]  # quoted by our own export, so that no spreadsheet runs it
        value = field.widget.clean(text)
        if value != old:
            self._changes[name] = (old, value)
            setattr(instance, name, value)

    def skip_row(self, instance, original, row, import_validation_errors=None) -> bool:
        return not self._changes and not import_validation_errors

    def validate_instance(self, instance, import_validation_errors=None, validate_unique: bool = True) -> None:
        errors = dict(import_validation_errors or {})
        try:
            instance.clean_fields(exclude={f.name for f in instance._meta.concrete_fields} - set(self._changes))
        except ValidationError as error:
            errors = error.update_error_dict(errors)
        if errors:
            raise ValidationError(errors)

    def save_instance(self, instance, is_create: bool, row: Mapping, **kwargs: object) -> None:
        changes = {name: value for name, (_old, value) in self._changes.items()}
        self._corrections.append(services.Correction(instance, changes))

    def after_import_row(self, row: Mapping, row_result: RowResult, **kwargs: object) -> None:
        label = self._meta.model._meta.get_field
        row_result.object_repr = " ".join(str(row.get(name) or "") for name in self.get_import_id_fields())
        row_result.diff = [
            (capfirst(str(label(name).verbose_name)), in_words(old), in_words(new))
            for name, (old, new) in self._changes.items()
        ]

    # ---------------------------------------------------------------- all of them

    def import_data(self, dataset, dry_run: bool = False, **kwargs: object):
        """Read outside a transaction: on SQLite one would keep every other writer waiting. The write has its own."""
        kwargs |= {"use_transactions": False, "is_preview": dry_run}
        return super().import_data(dataset, dry_run=False, **kwargs)

    def after_import(self, dataset, result, **kwargs: object) -> None:
        if kwargs["is_preview"] or result.has_errors() or result.has_validation_errors():
            return
        self.customers_changed = services.correct_rows(
            corrections=self._corrections, actor=self._actor, reason=self._reason, source=self._source
        )

    def iter_queryset(self, queryset: QuerySet) -> Iterator:
        yield from queryset.iterator(chunk_size=2000)


class CustomerResource(CorrectionResource):
    class Meta(CorrectionResource.Meta):
        model = Customer
        fields = (
            "external_id", "first_name", "last_name", "email", "phone", "language", "city", "gender", "age",
            "senior_citizen", "partner", "dependents", "churn_label", "persona",
        )  # fmt: skip


class SubscriptionResource(CorrectionResource):
    external_id = fields.Field(attribute="customer__external_id", column_name="external_id")

    class Meta(CorrectionResource.Meta):
        model = Subscription
        fields = (
            "external_id", "contract", "tenure", "monthly_charges", "total_charges", "phone_service", "multiple_lines",
            "internet_service", "online_security", "online_backup", "device_protection", "tech_support", "streaming_tv",
            "streaming_movies", "paperless_billing", "payment_method",
        )  # fmt: skip

    def get_queryset(self) -> QuerySet[Subscription]:
        return super().get_queryset().select_related("customer")


class UsageResource(CorrectionResource):
    external_id = fields.Field(attribute="customer__external_id", column_name="external_id")

    class Meta(CorrectionResource.Meta):
        model = UsageRecord
        fields = (
            "external_id", "month", "montant_consommation", "nombre_appels", "volume_data", "nombre_sms",
            "nombre_recharges", "nombre_reclamations",
        )  # fmt: skip
        import_id_fields = ("external_id", "month")

    def get_queryset(self) -> QuerySet[UsageRecord]:
        return super().get_queryset().select_related("customer")

    def key(self, row: Mapping) -> object:
        try:
            return self.number(row), self.fields["month"].clean(row)
        except ValueError as error:
            raise ValidationError({"month": str(error)}) from error

    def key_of(self, instance: UsageRecord) -> object:
        return instance.customer.external_id, instance.month
