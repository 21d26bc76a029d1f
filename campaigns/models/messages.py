"""What a company says: templates in versions that never change, and drafts with where they came from."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.models import PublicId
from customers.models import Customer
from segmentation.models import Offer, Segment
from tenants.models import User
from tenants.scoping import TenantModel

LANGUAGES = ("fr", "en", "ar")


class MessageTemplate(TenantModel, PublicId):
    """A message under a name. What it says stands in its versions; the newest is the one that a campaign takes."""

    name = models.CharField(_("name"), max_length=120)
    is_archived = models.BooleanField(_("put away"), default=False)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, editable=False, related_name="+")
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    updated_at = models.DateTimeField(_("changed"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="message_name")]

    def __str__(self) -> str:
        return self.name


class TemplateVersion(TenantModel):
    """One wording of a message, never changed once written: a campaign that has begun keeps its own."""

    class Source(models.TextChoices):
        PERSON = "person", _("written by a person")
        BUILT_IN = "built_in", _("drafted by the built-in writer")
        SERVER = "server", _("drafted by the writer's server")

    template = models.ForeignKey(MessageTemplate, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(_("version"))
    parts = models.JSONField(
        _("wording"), default=dict
    )  # {"fr": {"subject", "text", "html"}, …}, html as it was cleaned
    source = models.CharField(_("source"), max_length=10, choices=Source, default=Source.PERSON)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, editable=False, related_name="+")
    created_at = models.DateTimeField(_("written"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("version of a message")
        verbose_name_plural = _("versions of messages")
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["tenant", "template", "number"], name="message_version")]

    def __str__(self) -> str:
        return f"{self.template} {self.number}"

    @property
    def languages(self) -> list[str]:
        return [language for language in LANGUAGES if language in self.parts]


class Draft(TenantModel, PublicId):
    """What a writer proposed: for whom, by which writer, what it was asked and answered (by hash), what it cost."""

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, null=True, related_name="+")
    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, null=True, related_name="+")
    offer = models.ForeignKey(Offer, on_delete=models.SET_NULL, null=True, related_name="+")
    language = models.CharField(_("language"), max_length=2)
    tone = models.CharField(_("tone"), max_length=10)
    seed = models.PositiveIntegerField(default=0)
    subject = models.CharField(_("subject"), max_length=300)
    text = models.TextField(_("text"))
    source = models.CharField(_("source"), max_length=10, choices=TemplateVersion.Source)
    why_not = models.CharField(max_length=60, blank=True)  # why the server's draft was not taken
    failures = models.JSONField(default=list)  # what the checks found in the server's answer: code, sentence, facts
    model = models.CharField(_("model"), max_length=120, blank=True)
    prompt_hash = models.CharField(max_length=64, blank=True)
    answer_hash = models.CharField(max_length=64, blank=True)
    prompt_tokens = models.PositiveIntegerField(default=0)
    answer_tokens = models.PositiveIntegerField(default=0)
    cost = models.DecimalField(_("cost"), max_digits=12, decimal_places=6, null=True)
    seconds = models.FloatField(default=0.0)
    requested_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    approved_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    approved_at = models.DateTimeField(null=True)
    at = models.DateTimeField(_("at"), default=timezone.now)

    class Meta:
        verbose_name = _("draft")
        verbose_name_plural = _("drafts")
        ordering = ["-pk"]
        indexes = [models.Index(fields=["tenant", "-at"], name="draft_newest")]

    def __str__(self) -> str:
        return self.subject
