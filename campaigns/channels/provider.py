"""Takes mail to a provider's API by django-anymail, with the company's own keys, and says what became of it as SMTP would.

The hosts are fixed here: nobody names an address of their own. The environment's proxies and credentials are not used,
and redirects are not followed (RULES 32).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email import policy
from email.headerregistry import Address
from email.parser import BytesParser
from typing import Any, Protocol

import requests
from anymail.exceptions import AnymailAPIError, AnymailError, AnymailRecipientsRefused
from django.core.mail import EmailMultiAlternatives, get_connection
from django.utils.translation import gettext as _
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError

from core.errors import Refused

from ..outreach.delivery.replies import Outcome, Reply, Stage

SECONDS = (10.0, 60.0)  # to reach it, and to wait for its answer
METADATA = "churnguard"  # under which the mail's own name comes back in a report
_TEXT = 500
_OURS = ("from", "to", "subject", "reply-to", "mime-version", "content-type", "content-transfer-encoding", "date")


@dataclass(frozen=True, slots=True)
class Setting:
    """One value that a provider asks for. ``is_secret``: sealed, never shown; ``choices``: the values that it may have."""

    code: str
    is_secret: bool = True
    is_needed: bool = True
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider as anymail knows it; ``regions``: the addresses that its setting "region" chooses among."""

    code: str
    name: str
    settings: tuple[Setting, ...]
    webhook: str
    regions: Mapping[str, str] = field(default_factory=dict)

    @property
    def backend(self) -> str:
        return f"anymail.backends.{self.code}.EmailBackend"


_KEY = Setting("api_key")

PROVIDERS: Mapping[str, Provider] = {
    one.code: one
    for one in (
        Provider("brevo", "Brevo", (_KEY,), "anymail.webhooks.brevo.BrevoTrackingWebhookView"),
        Provider(
            "mailgun",
            "Mailgun",
            (
                _KEY,
                Setting("sender_domain", is_secret=False),
                Setting("region", is_secret=False, is_needed=False, choices=("us", "eu")),
                Setting("webhook_signing_key", is_needed=False),
            ),
            "anymail.webhooks.mailgun.MailgunTrackingWebhookView",
            {"us": "https://api.mailgun.net/v3", "eu": "https://api.eu.mailgun.net/v3"},
        ),
        Provider(
            "mailjet",
            "Mailjet",
            (_KEY, Setting("secret_key")),
            "anymail.webhooks.mailjet.MailjetTrackingWebhookView",
        ),
        Provider(
            "postmark",
            "Postmark",
            (Setting("server_token"), Setting("message_stream", is_secret=False, is_needed=False)),
            "anymail.webhooks.postmark.PostmarkTrackingWebhookView",
        ),
        Provider("resend", "Resend", (_KEY,), "anymail.webhooks.resend.ResendTrackingWebhookView"),
        Provider(
            "sparkpost",
            "SparkPost",
            (_KEY, Setting("region", is_secret=False, is_needed=False, choices=("us", "eu"))),
            "anymail.webhooks.sparkpost.SparkPostTrackingWebhookView",
            {"us": "https://api.sparkpost.com/api/v1", "eu": "https://api.eu.sparkpost.com/api/v1"},
        ),
    )
}


class Letter(Protocol):
    """What is sent: the ready bytes; its own name comes back in the provider's reports."""

    message_id: str
    data: bytes


def options_of(provider: str, settings: str) -> dict[str, str]:
    """The settings of a provider, as JSON, checked. Raises Refused: ``unknown_provider`` · ``provider_settings``, with the
    setting in ``facts``."""
    known = PROVIDERS.get(provider)
    if known is None:
        raise Refused("unknown_provider", _("Choose the provider."), field="provider")
    try:
        given = json.loads(settings or "{}")
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise Refused("provider_settings", _("Say again what opens the provider's API."), field="provider")
    options: dict[str, str] = {}
    for one in known.settings:
        value = str(given.get(one.code, "") or "").strip()
        bad = not value.isascii() or not value.isprintable() or len(value) > 500
        if bad or (one.is_needed and not value) or (value and one.choices and value not in one.choices):
            raise Refused(
                "provider_settings", _("The provider needs this setting as it stands in its console."), field=one.code
            )
        if value:
            options[one.code] = value
    return options


class ProviderCourier:
    """``send`` as often as there are letters; ``close`` at the end. One for each process or thread.

    ``api_url``: another address of the same API, for tests and proxies that the operator runs; never a company's choice.
    """

    def __init__(
        self,
        provider: str,
        settings: str,
        *,
        api_url: str = "",
        seconds: tuple[float, float] = SECONDS,
    ) -> None:
        options = options_of(provider, settings)
        self.provider = PROVIDERS[provider]
        options.pop("webhook_signing_key", None)
        region = options.pop("region", "")
        address = api_url or self.provider.regions.get(region, "")
        if address:
            options["api_url"] = address
        self._backend: Any = get_connection(self.provider.backend, timeout=seconds, **options)

    def send(self, letter: Letter, *, before_data: Callable[[], bool]) -> Reply:
        """Hand over one letter. ``before_data`` is asked right before the request, which carries the whole mail.

        Refused by the API (4xx), too fast (429), in trouble (5xx), not reached, or nobody knows: no answer to a request
        that had begun to go out.
        """
        mail = self._mail(letter)
        try:
            session = self._open()
        except (AnymailError, requests.RequestException, OSError) as error:
            return Reply(Outcome.UNREACHABLE, Stage.CONNECT, text=_said(error), reason="lost_connection")
        if not before_data():
            return Reply(Outcome.SKIPPED, Stage.DATA)
        try:
            self._backend.send_messages([mail])
        except AnymailRecipientsRefused as error:
            return _refused_recipient(mail, error)
        except AnymailAPIError as error:
            return self._failed(error)
        except AnymailError as error:  # the provider's API cannot carry this mail: nothing was asked
            return Reply(Outcome.REFUSED, Stage.MESSAGE, text=_said(error), reason="content")
        finally:
            session.cookies.clear()
        name = str(mail.anymail_status.message_id or "")
        return Reply(Outcome.ACCEPTED, Stage.BODY, 250, text="accepted", queue_id=name[:80])

    def close(self) -> None:
        self._backend.close()

    def _open(self) -> requests.Session:
        self._backend.open()
        session: requests.Session = self._backend.session
        session.trust_env = False
        session.max_redirects = 0
        return session

    def _mail(self, letter: Letter) -> EmailMultiAlternatives:
        """The letter as anymail takes it apart for the API: the same headers, the same two bodies."""
        parsed = BytesParser(policy=policy.default).parsebytes(letter.data)
        text, html = parsed.get_body(("plain",)), parsed.get_body(("html",))
        mail = EmailMultiAlternatives(
            subject=str(parsed["Subject"] or ""),
            body=text.get_content() if text is not None else "",
            from_email=_first(parsed["From"]),
            to=[_first(parsed["To"])],
            reply_to=[_first(parsed["Reply-To"])] if parsed["Reply-To"] else None,
            headers={name: str(value) for name, value in parsed.items() if name.lower() not in _OURS},
        )
        if html is not None:
            mail.attach_alternative(html.get_content(), "text/html")
        mail.metadata = {METADATA: letter.message_id.strip("<>").partition("@")[0]}
        if self.provider.code not in _NO_TRACKING_SWITCH:
            mail.track_opens = mail.track_clicks = False
        return mail

    def _failed(self, error: AnymailAPIError) -> Reply:
        status = getattr(error, "status_code", None)
        if status is None:
            return _not_answered(error)
        text = _said(error)
        if 200 <= status < 400:  # said yes, but not in its language; or sent elsewhere
            outcome = Outcome.UNCERTAIN if status < 300 else Outcome.REFUSED
            return Reply(outcome, Stage.BODY, status, text=text, reason="bad_answer")
        if status == 429:
            return Reply(Outcome.TOO_MANY, Stage.BODY, status, text=text, reason="too_fast")
        if status >= 500 or status in (408, 425):
            return Reply(Outcome.DEFERRED, Stage.BODY, status, text=text, reason="server_trouble")
        reason = "authentication" if status in (401, 403) else "policy"
        return Reply(Outcome.REFUSED, Stage.BODY, status, text=text, reason=reason)


# Their API has no switch for one mail: tracking is set in their console.
_NO_TRACKING_SWITCH = ("brevo", "resend")


def _first(header: Any) -> str:
    address: Address = header.addresses[0]
    return str(address)


def _refused_recipient(mail: EmailMultiAlternatives, error: AnymailError) -> Reply:
    """The API took the request and refuses the address: dead, or on the provider's own list of those let alone."""
    statuses = mail.anymail_status.status or set()
    is_invalid = statuses == {"invalid"}
    reason = "bad_address" if is_invalid else "policy"
    return Reply(Outcome.REFUSED, Stage.RECIPIENT, 550, text=_said(error), reason=reason, is_hard_bounce=is_invalid)


def _not_answered(error: AnymailAPIError) -> Reply:
    """No status: either the request never left, or its answer never came."""
    cause = error.__cause__
    if isinstance(cause, requests.TooManyRedirects):  # sent elsewhere: the mail was not taken
        return Reply(Outcome.REFUSED, Stage.BODY, text=_said(error), reason="bad_answer")
    if _never_left(cause):
        return Reply(Outcome.UNREACHABLE, Stage.CONNECT, text=_said(error), reason="lost_connection")
    return Reply(Outcome.UNCERTAIN, Stage.BODY, text=_said(error), reason="lost_connection")


def _never_left(cause: BaseException | None) -> bool:
    if isinstance(cause, requests.ConnectTimeout | requests.exceptions.SSLError | requests.exceptions.ProxyError):
        return True
    if isinstance(cause, requests.exceptions.InvalidURL | requests.exceptions.MissingSchema):
        return True
    if isinstance(cause, requests.ConnectionError) and cause.args:
        reason = cause.args[0].reason if isinstance(cause.args[0], MaxRetryError) else cause.args[0]
        return isinstance(reason, NewConnectionError | ConnectTimeoutError)
    return False


def _said(error: BaseException) -> str:
    """The provider's words on one line. The request is not in them, and so no key is."""
    response = getattr(error, "response", None)
    text = response.text if response is not None else f"{type(error.__cause__ or error).__name__}"
    return " ".join(text.split())[:_TEXT]
