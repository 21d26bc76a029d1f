"""Imports and what they leave behind: mappings that are remembered, images of what changed, what the columns looked like."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.models import JobState, PublicId
from tenants.models import TenantJob, User
from tenants.scoping import TenantModel

from .people import Customer


class ImportStep(models.TextChoices):
    """What an import does when it runs (read, check, write, undo), or what it waits for (map, agree)."""

    READ = "read", _("reading the file")
    MAP = "map", _("waits for its columns")
    CHECK = "check", _("dry run")
    AGREE = "agree", _("waits for your agreement")
    WRITE = "write", _("writing")
    UNDO = "undo", _("taking back")


class Import(TenantJob):
    """A file on its way in: read, mapped, checked, agreed to, written, and perhaps taken back. One row through all of it.

    Attended (from a page): rests ``awaiting`` at MAP and at AGREE. Unattended (a command, a program, a feed): goes from
    READ to WRITE by itself, and is refused where a person would have had to decide.
    """

    task_name = "customers.tasks.run_import"

    step = models.CharField(_("step"), max_length=8, choices=ImportStep, default=ImportStep.READ)
    is_attended = models.BooleanField(_("a person agrees first"), default=False)
    is_dry = models.BooleanField(_("stops after the dry run"), default=False)
    without_label = models.BooleanField(_("need not say who left"), default=False)
    empty_clears = models.BooleanField(_("empty means empty"), default=False)
    usage_month = models.DateField(_("month of the usage columns"), null=True, blank=True)

    filename = models.CharField(_("file"), max_length=255)
    stored_path = models.CharField(max_length=500, blank=True, editable=False)
    size_bytes = models.BigIntegerField(_("size"), default=0)
    sha256 = models.CharField(max_length=64, blank=True, editable=False)

    # What reading found (customers.ingest.exchange.Normalised)
    kind = models.CharField(_("kind"), max_length=10, blank=True)
    packed = models.JSONField(default=list, blank=True, editable=False)
    encoding = models.CharField(_("encoding"), max_length=20, blank=True)
    delimiter = models.CharField(_("delimiter"), max_length=4, blank=True)
    sheet = models.CharField(_("sheet"), max_length=255, blank=True)
    sheets = models.JSONField(_("sheets"), default=list, blank=True)
    notes = models.JSONField(default=list, blank=True, editable=False)
    headers = models.JSONField(default=list, blank=True, editable=False)
    total_rows = models.BigIntegerField(_("rows"), default=0)
    table_path = models.CharField(max_length=500, blank=True, editable=False)
    lines_path = models.CharField(max_length=500, blank=True, editable=False)
    proposal = models.JSONField(default=dict, blank=True, editable=False)
    shape_key = models.CharField(max_length=32, blank=True, editable=False)

    # What was agreed (customers.ingest.mapping.Mapping), and what the dry run counted
    mapping = models.JSONField(_("columns understood"), default=dict, blank=True)
    preview = models.JSONField(_("dry run"), default=dict, blank=True)
    refused_path = models.CharField(max_length=500, blank=True, editable=False)

    # What was written
    rows_read = models.BigIntegerField(_("read"), default=0)
    rows_created = models.BigIntegerField(_("created"), default=0)
    rows_updated = models.BigIntegerField(_("updated"), default=0)
    rows_unchanged = models.BigIntegerField(_("unchanged"), default=0)
    rows_refused = models.BigIntegerField(_("refused"), default=0)
    months_written = models.BigIntegerField(_("months of use written"), default=0)
    refusals = models.JSONField(_("first refusals"), default=list, blank=True)
    unknown_values = models.JSONField(_("unknown values"), default=dict, blank=True)
    undone_at = models.DateTimeField(_("taken back"), null=True, blank=True, editable=False)
    undo_result = models.JSONField(_("what was taken back"), default=dict, blank=True)

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        ordering = ["-requested_at"]
        indexes = [models.Index(fields=["tenant", "-requested_at"], name="import_newest")]

    def __str__(self) -> str:
        return self.filename

    @property
    def is_written(self) -> bool:
        """Whether all of it was written and not taken back."""
        return self.state == JobState.SUCCEEDED and self.step == ImportStep.WRITE

    @property
    def can_be_taken_back(self) -> bool:
        """Whether something of it stands in the base: all, or what was written before it was stopped."""
        wrote = (
            self.rows_read or self.rows_created or self.rows_updated
        )  # customers of months come before the first row
        has_ended = not (self.is_open or self.is_awaiting)
        return bool(wrote) and has_ended and self.undone_at is None and self.step in (ImportStep.WRITE, ImportStep.UNDO)

    @property
    def columns(self) -> dict[str, str]:
        """Header -> standard field, for the columns that are one."""
        return {h: t for h, t in self._targets() if t not in ("attribute", "ignore")}

    @property
    def kept_columns(self) -> list[str]:
        """Headers kept as other fields."""
        return [header for header, target in self._targets() if target == "attribute"]

    @property
    def kept_fields(self) -> set[str]:
        """Names of everything that is kept: standard fields, and other fields by their headers."""
        return {*self.columns.values(), *self.kept_columns}

    @property
    def ordered_mapping(self) -> dict[str, object]:
        """The mapping with its columns in the order of the file; PostgreSQL keeps the names of JSON in an order of its own."""
        if not self.mapping:
            return {}
        place = {header: at for at, header in enumerate(self.headers)}
        columns = sorted(self.mapping.get("columns", {}).items(), key=lambda pair: place.get(pair[0], len(place)))
        return {**self.mapping, "columns": dict(columns)}

    def _targets(self) -> list[tuple[str, str]]:
        columns = self.ordered_mapping.get("columns", {})
        return [(h, c["target"] if isinstance(c, dict) else c) for h, c in columns.items()]

    def told_refusals(self) -> list[dict]:
        """The first refused cells; without what stood in them once the file is gone (``services.forget_files``)."""
        return [{**refusal, "value": refusal.get("value", "")} for refusal in self.refusals]

    def result(self) -> dict[str, object]:
        """What a command prints and the API answers."""
        return {
            "read": self.rows_read,
            "created": self.rows_created,
            "updated": self.rows_updated,
            "unchanged": self.rows_unchanged,
            "refused": self.rows_refused,
            "refusals": self.told_refusals(),
            "unknown": self.unknown_values,
            "kept_columns": self.kept_columns,
            "months_written": self.months_written,
            "import_id": str(self.public_id),
        }


class ColumnMapping(TenantModel):
    """What the company agreed a file of this shape means: recognised on the next one."""

    shape_key = models.CharField(max_length=32)
    filename = models.CharField(_("file"), max_length=255)
    mapping = models.JSONField(_("columns understood"))
    agreed_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("agreed by")
    )
    agreed_at = models.DateTimeField(_("agreed"), default=timezone.now)

    class Meta:
        verbose_name = _("remembered mapping")
        verbose_name_plural = _("remembered mappings")
        ordering = ["-agreed_at"]
        constraints = [models.UniqueConstraint(fields=["tenant", "shape_key"], name="mapping_shape")]

    def __str__(self) -> str:
        return self.filename


class CustomerChange(TenantModel):
    """What one change found in a customer before it: to take an import back, and to say who changed what.

    ``before``: {"customer": {field: value}, "subscription": {field: value} or null, "changed_by_import": key}; for a
    month of use (``month`` set) {"usage": {field: value}, "changed_by_import": key}. Imports keep every column that they
    bring, corrections the fields that changed. Personal data: erased with the customer.
    """

    class Kind(models.TextChoices):
        IMPORT = "import", _("import")
        CORRECTION = "correction", _("correction")
        MERGE = "merge", _("merge")

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="changes", verbose_name=_("customer"))
    kind = models.CharField(_("kind"), max_length=12, choices=Kind)
    at = models.DateTimeField(_("at"), default=timezone.now)
    actor = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("by"))
    brought_by = models.ForeignKey(
        Import, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("import")
    )
    month = models.DateField(_("month"), null=True)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    before = models.JSONField(_("before"))

    class Meta:
        verbose_name = _("change of a customer")
        verbose_name_plural = _("changes of customers")
        ordering = ["-pk"]
        indexes = [models.Index(fields=["tenant", "brought_by", "id"], name="change_by_import")]

    def __str__(self) -> str:
        return f"{self.customer_id} {self.kind}"


class QualityProfile(TenantJob):
    """What one import's file looked like, column by column: computed after it was written, compared with the one before."""

    class Grain(models.TextChoices):
        CUSTOMER = "customer", _("a customer")
        MONTH = "month", _("a customer’s month")

    task_name = "customers.tasks.profile_import"

    brought_by = models.OneToOneField(Import, on_delete=models.CASCADE, related_name="+", verbose_name=_("import"))
    grain = models.CharField(_("a line is"), max_length=8, choices=Grain, default=Grain.CUSTOMER)
    compared_with = models.ForeignKey(
        Import, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("compared with")
    )
    profile = models.JSONField(
        default=dict, editable=False
    )  # customers.ingest.profiles.Profile, some megabytes at most
    summary = models.JSONField(default=dict, editable=False)  # what other pages ask of it, see services.quality

    class Meta:
        verbose_name = _("quality profile")
        verbose_name_plural = _("quality profiles")
        ordering = ["-requested_at"]
        indexes = [models.Index(fields=["tenant", "-requested_at"], name="profile_newest")]

    def __str__(self) -> str:
        return f"{self.brought_by_id}"


class ColumnFinding(TenantModel, PublicId):
    """What the leak watch says about a column: QUARANTINE and SET_ASIDE are kept from the models until a person overrules.

    ``column``: the name of a standard field, of a trend of use, or the header of an other field. A finding that no longer
    holds is removed, unless a person has overruled it: the decision waits for the day the column looks like that again.
    """

    class Severity(models.TextChoices):
        QUARANTINE = "quarantine", _("quarantined")
        WARN = "warn", _("to look at")
        SET_ASIDE = "set_aside", _("set aside")

    column = models.CharField(_("column"), max_length=255)
    severity = models.CharField(_("verdict"), max_length=12, choices=Severity)
    codes = models.JSONField(default=list)
    evidence = models.JSONField(_("evidence"), default=dict)
    found_at = models.DateTimeField(_("found"), default=timezone.now)
    overruled_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("overruled by")
    )
    overruled_at = models.DateTimeField(_("overruled"), null=True, blank=True)
    overrule_reason = models.CharField(_("reason"), max_length=300, blank=True)
    overruled_as = models.CharField(
        max_length=12, choices=Severity, blank=True, editable=False
    )  # its verdict at that time
    holds = models.BooleanField(_("still holds"), default=True)

    class Meta:
        verbose_name = _("finding about a column")
        verbose_name_plural = _("findings about columns")
        ordering = ["column"]
        constraints = [models.UniqueConstraint(fields=["tenant", "column"], name="finding_once")]

    def __str__(self) -> str:
        return f"{self.column}: {self.severity}"

    @property
    def is_kept_away(self) -> bool:
        """Whether the models do not learn from the column."""
        return self.holds and self.severity != self.Severity.WARN and self.overruled_at is None
