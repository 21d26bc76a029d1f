"""Companies, the people in them, what they did and what they were told."""

from __future__ import annotations

import uuid
from typing import Any
from zoneinfo import available_timezones

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import AbstractBaseUser, PermissionsMixin
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.models import Job, PublicId, TimeStamped

from . import permissions
from .models_people import BrowserSession, Invitation, Picture, RecoveryCode, SecondFactor
from .roles import Role
from .scoping import TenantModel, public_scope

__all__ = [
    "ApiKey",
    "AuditEntry",
    "BrowserSession",
    "Invitation",
    "Level",
    "Membership",
    "Notification",
    "NotificationRead",
    "Picture",
    "RecoveryCode",
    "Role",
    "SecondFactor",
    "StoredAnswer",
    "Tenant",
    "TenantJob",
    "User",
]


class Tenant(TimeStamped):
    """A company that uses ChurnGuard. Its identifier is the first column of every key of its data."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=120)
    slug = models.SlugField(_("short name"), max_length=60, unique=True)
    locale = models.CharField(
        _("language"), max_length=8, default="en", choices=[("en", "English"), ("fr", "Français")]
    )
    time_zone = models.CharField(_("time zone"), max_length=60, default="UTC")
    currency = models.CharField(
        _("currency"),
        max_length=3,
        default="USD",
        validators=[RegexValidator(r"^[A-Z]{3}$", _("Three letters, such as TND."))],
    )
    risk_medium = models.FloatField(_("medium risk from"), default=0.30)
    risk_high = models.FloatField(_("high risk from"), default=0.60)
    requires_second_factor = models.BooleanField(_("asks its members for a second factor"), default=False)

    class Meta:
        verbose_name = _("company")
        verbose_name_plural = _("companies")
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                name="tenant_risk_bands_in_order",
                condition=models.Q(risk_medium__gt=0)
                & models.Q(risk_high__gt=models.F("risk_medium"))
                & models.Q(risk_high__lt=1),
                violation_error_message=_("The bands need 0 < medium < high < 1."),
            )
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Every request and every routine of the company goes by this clock: one that does not exist would stop them all."""
        super().clean()
        if self.time_zone not in available_timezones():
            wrong = _("There is no time zone “%(zone)s”: give one such as Africa/Tunis.")
            raise ValidationError({"time_zone": ValidationError(wrong, params={"zone": self.time_zone})})

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """With all that is theirs, which is seen within their scope only."""
        with public_scope(self):
            return super().delete(*args, **kwargs)


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: object) -> User:
        if not email:
            raise ValueError("An e-mail address is the login: it cannot be empty.")
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: object) -> User:
        return self.create_user(email, password, **{"is_superuser": True, "is_staff": True, **fields})

    def of_address(self, email: str) -> User | None:
        """Who signs in by this address, in any case of its letters.

        PostgreSQL compares in upper case, where a dotless ı is an I: another domain's owner would be taken for somebody here.
        """
        wanted = email.strip().lower()
        return next((user for user in self.filter(email__iexact=wanted) if user.email.lower() == wanted), None)

    def get_by_natural_key(self, email: str) -> User:
        if (user := self.of_address(email)) is None:
            raise self.model.DoesNotExist
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """A person, known by e-mail. What they may do depends on the company: see Membership."""

    email = models.EmailField(_("e-mail"), unique=True)
    name = models.CharField(_("name"), max_length=120, blank=True)
    avatar_url = models.CharField(_("picture"), max_length=300, blank=True)
    locale = models.CharField(_("language"), max_length=8, blank=True, choices=[("en", "English"), ("fr", "Français")])
    time_zone = models.CharField(_("time zone"), max_length=60, blank=True)  # empty: the company's
    is_staff = models.BooleanField(_("staff"), default=False)
    is_active = models.BooleanField(_("active"), default=True)
    date_joined = models.DateTimeField(_("joined"), default=timezone.now)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: list[str] = []

    objects = UserManager()

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        ordering = ["email"]

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def initials(self) -> str:
        words = (self.name or self.email.split("@")[0].replace(".", " ")).split()
        return "".join(w[0] for w in words[:2]).upper()


class Membership(TimeStamped, PublicId):
    """A person's place in a company. The scope of a request comes from this row and from nothing else (RULES 2)."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="memberships", verbose_name=_("company"))
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships", verbose_name=_("person"))
    role = models.CharField(_("role"), max_length=10, choices=Role, default=Role.VIEWER)

    # Set for the length of a request that a key signs: the scopes that the key was given. None: a person, not narrowed.
    narrowed_to: frozenset[str] | None = None

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [models.UniqueConstraint(fields=["tenant", "user"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.user} · {self.tenant} ({self.get_role_display()})"

    @property
    def capabilities(self) -> frozenset[str]:
        """What is held here and now: the role's, and of those only the key's where a key asks."""
        held = permissions.CAPABILITIES.get(self.role, frozenset())
        return held if self.narrowed_to is None else held & self.narrowed_to

    def can(self, capability: str) -> bool:
        return capability in self.capabilities


class ApiKey(TenantModel, PublicId):
    """A program's way in. It acts for who made it, with the scopes that it was given and that person's role still allows.

    Only a hash of the key is kept: it is shown once, when it is made. The prefix is how people tell keys apart.
    """

    name = models.CharField(_("name"), max_length=80)
    prefix = models.CharField(_("begins with"), max_length=8, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    scopes = models.JSONField(_("may"), default=list)
    made_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", verbose_name=_("made by"))
    created_at = models.DateTimeField(_("made"), default=timezone.now, editable=False)
    expires_at = models.DateTimeField(_("ends"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["tenant", "prefix"], name="api_key_prefix_once")]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()

    @property
    def is_open(self) -> bool:
        """Neither revoked nor past its end; whether its maker is still here is asked when it is used."""
        return self.revoked_at is None and not self.is_expired


class TenantJob(TenantModel, Job):
    """A job of one company; its message names the company, and the task base enters that scope."""

    requested_by = models.ForeignKey(
        User,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("asked by"),
    )

    class Meta(TenantModel.Meta, Job.Meta):
        abstract = True

    def message(self) -> dict[str, object]:
        return {"tenant_id": str(self.tenant_id), "job_id": self.pk}


class AuditEntry(TenantModel):
    """Something that a service changed: who, what, when. Append-only and hash-chained in each company (RULES 39)."""

    sequence = models.PositiveBigIntegerField(_("number"))
    at = models.DateTimeField(_("at"), default=timezone.now)
    actor = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("by"))
    actor_key = models.CharField(max_length=20, blank=True, editable=False)  # stays when the person is erased
    verb = models.CharField(_("action"), max_length=60)
    object_type = models.CharField(_("object"), max_length=60, blank=True)
    object_id = models.CharField(_("identifier"), max_length=64, blank=True)
    facts = models.JSONField(_("facts"), default=dict, blank=True)
    previous_hash = models.CharField(max_length=64, blank=True)
    entry_hash = models.CharField(max_length=64)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit trail")
        ordering = ["-sequence"]
        constraints = [models.UniqueConstraint(fields=["tenant", "sequence"], name="audit_sequence")]

    def __str__(self) -> str:
        return f"{self.sequence} {self.verb}"


class Level(models.TextChoices):
    INFO = "info", _("information")
    SUCCESS = "success", _("success")
    WARNING = "warning", _("warning")
    ERROR = "error", _("error")


class Notification(TenantModel):
    """A line behind the bell. Without a recipient it is for everybody in the company.

    ``code`` and ``facts`` are stored, not a sentence: the words are made at display, in the reader's language.
    """

    recipient = models.ForeignKey(
        User, on_delete=models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("recipient")
    )
    code = models.CharField(_("event"), max_length=60)
    facts = models.JSONField(_("facts"), default=dict, blank=True)
    level = models.CharField(_("level"), max_length=10, choices=Level, default=Level.INFO)
    url = models.CharField(_("address"), max_length=300, blank=True)
    created_at = models.DateTimeField(_("at"), default=timezone.now)
    read_by = models.ManyToManyField(User, related_name="+", blank=True, through="NotificationRead")

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(fields=["tenant", "-created_at"], name="notification_newest"),
            models.Index(fields=["tenant", "-id"], name="notification_by_key"),
        ]

    def __str__(self) -> str:
        return self.sentence

    @property
    def sentence(self) -> str:
        from .notices import sentence

        return sentence(self.code, self.facts)


class StoredAnswer(TenantModel):
    """The answer to a POST that carried an ``Idempotency-Key``; ``status`` 0 while it is being worked out."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=220)  # what the caller said, behind the prefix of the API key where one asked
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0)
    body = models.JSONField(default=dict)
    location = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "user", "key"], name="stored_answer_once")]


class NotificationRead(TenantModel):
    """That one person has seen one notification."""

    notification = models.ForeignKey(Notification, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    read_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "notification", "user"], name="notification_read_once")
        ]


# Tables of their own files, which build on those above.
from .models_mail import MailPermit  # noqa: E402, F401
from .models_notices import NoticeMail, NotificationSettings  # noqa: E402, F401
from .models_webhooks import WebhookDelivery, WebhookEndpoint, WebhookEvent  # noqa: E402, F401
