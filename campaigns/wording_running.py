"""What is said of a campaign that runs: why it stopped, what its senders wait for, and what became of each mail."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.models import OPEN_STATES
from core.templatetags.ui import thousands

from .models import Recipient, Shift
from .wording_campaigns import why_left_out


def moment(value: object) -> str:
    """``7:00``, or the day as well where it is not today; "" for what is no moment."""
    at = value if isinstance(value, datetime) else parse_datetime(str(value)) if value else None
    if at is None:
        return ""
    local = timezone.localtime(at)
    if local.date() == timezone.localdate():
        return date_format(local, "TIME_FORMAT")
    return date_format(local, "DATETIME_FORMAT")


# ---------------------------------------------------------------- why it stopped

_PAUSED = {
    "person": gettext_lazy("Somebody paused it."),
    "unreachable": gettext_lazy("The mail server could not be reached, again and again: look at its address and whether it runs, then resume."),
    "unreachable_run": gettext_lazy("The mail server could not be reached, again and again: look at its address and whether it runs, then resume."),
    "refused_run": gettext_lazy("The server refused one mail after another: it may have refused you as a sender. Mend the cause, then resume."),
    "deferred_run": gettext_lazy("The server put off one mail after another: find out what it does not like, then resume."),
    "too_many_run": gettext_lazy("The server went on saying that mail comes too fast: set a slower pace on the sender's page, then resume."),
    "uncertain_run": gettext_lazy("The connection broke after one mail after another, and nobody knows whether these arrived: look at the server, decide of them below, then resume."),
    "hard_bounces": gettext_lazy("Too many of the addresses do not exist. Going on would harm your name as a sender: look where these addresses come from."),
    "seal_broken": gettext_lazy("The mail server's password cannot be opened any more: say it again on the sender's page, then resume."),
    "restored": gettext_lazy("These data were brought back from a copy. Some mails may have gone out since: nothing is sent until somebody who knows resumes it."),
    "sender_incomplete": gettext_lazy("The sender is not complete: say who sends, then resume."),
    "not_proved": gettext_lazy("Whom a mail keeps is no longer proved."),
    "no_message": gettext_lazy("The message has no wording."),
    "mail_held": gettext_lazy("Mail is held back on this installation: it can be started once somebody releases it on the page System."),
}  # fmt: skip


def why_paused(told: Mapping[str, Any]) -> str:
    """Why a campaign stopped by itself or by a person; "" where nothing is told."""
    code = str(told.get("code", ""))
    if not code:
        return ""
    facts = told.get("facts") or {}
    if code == "late":
        return _("Its hour (%(when)s) was missed by more than is harmless, so that nothing was sent: choose a new one, and check again.") % {"when": moment(facts.get("scheduled_at")) or "–"}  # fmt: skip
    said = str(_PAUSED.get(code, _("It stopped by itself (%(code)s).") % {"code": code.replace("_", " ")}))
    if code == "hard_bounces" and facts.get("of"):
        said = _("Of the last %(of)s addresses, %(count)s do not exist. Going on would harm your name as a sender: look where these addresses come from.") % {name: thousands(int(facts[name])) for name in ("of", "count")}  # fmt: skip
    answer = str(facts.get("text") or "")
    return f"{said} {_('The server said: “%(answer)s”') % {'answer': answer[:200]}}" if answer else said


# ---------------------------------------------------------------- what its senders wait for

_RESTING = {
    "quiet_hours": gettext_lazy("It is a quiet hour: mail goes out again at %(until)s."),
    "weekday": gettext_lazy("No mail on this day of the week: it goes on at %(until)s."),
    "holiday": gettext_lazy("It is a public holiday: mail goes out again at %(until)s."),
    "iftar": gettext_lazy("It is the hour of iftar: mail goes out again at %(until)s."),
    "ramadan_hours": gettext_lazy("It is Ramadan, with quiet hours of its own: mail goes out again at %(until)s."),
    "daily_cap": gettext_lazy("As many mails went out today as your limit allows: it goes on at %(until)s."),
    "ramp": gettext_lazy("A new sender begins slowly, and today's share is sent: it goes on at %(until)s."),
    "too_fast": gettext_lazy("The server asked for a slower pace: the next try is at %(until)s."),
    "unreachable": gettext_lazy("The mail server does not answer: the next try is at %(until)s."),
    "put_off": gettext_lazy("The servers of the last recipients asked for patience: the next try is at %(until)s."),
}


def resting(told: Mapping[str, Any]) -> str:
    """What a sender waits for; "" where it does not wait."""
    code = str(told.get("code", ""))
    if code in ("", "shift_change"):  # the next sender goes on at once
        return ""
    words = _RESTING.get(code, gettext_lazy("It waits, and goes on at %(until)s."))
    # "a.m." ends with a point of its own.
    return (str(words) % {"until": moment(told.get("until")) or "–"}).replace("..", ".")


def senders_wait(shifts: list[Shift]) -> list[str]:
    """What the senders of a campaign wait for, each reason once, where none of them works."""
    waiting = [shift.resting for shift in shifts if shift.state in OPEN_STATES]
    if not waiting or not all(waiting):
        return []
    return list(dict.fromkeys(filter(None, map(resting, waiting))))


# ---------------------------------------------------------------- what became of each mail

State = Recipient.State
SENT, ON_THE_WAY = (State.SENT,), (State.QUEUED, State.CLAIMED, State.SENDING, State.DEFERRED)
GROUPS: dict[str, tuple[str, ...]] = {
    "waiting": ON_THE_WAY,
    "sent": SENT,
    "failed": (State.FAILED,),
    "uncertain": (State.UNCERTAIN,),
    "suppressed": (State.SUPPRESSED,),
    "cancelled": (State.CANCELLED,),
    "held_out": (State.HELD_OUT,),
}
GROUP_NAMES = {
    "waiting": gettext_lazy("waiting"),
    "sent": gettext_lazy("sent"),
    "failed": gettext_lazy("failed"),
    "uncertain": gettext_lazy("uncertain"),
    "suppressed": gettext_lazy("not written to"),
    "cancelled": gettext_lazy("cancelled"),
    "held_out": gettext_lazy("left alone"),
}
TONES = {
    "waiting": "info",
    "sent": "success",
    "failed": "error",
    "uncertain": "warning",
    "suppressed": "",
    "cancelled": "",
    "held_out": "",
}


def group_of(state: str) -> str:
    return next(name for name, states in GROUPS.items() if state in states)


def counts(told: Mapping[str, Mapping[str, int]]) -> list[dict[str, Any]]:
    """How many are in which state, over all arms, in the order of GROUPS; those of whom there are none are left out."""
    sums = dict.fromkeys(GROUPS, 0)
    for states in told.values():
        for state, n in states.items():
            sums[group_of(state)] += n
    return [
        {"group": name, "name": str(GROUP_NAMES[name]), "tone": TONES[name], "customers": n}
        for name, n in sums.items()
        if n
    ]


_REASONS = {
    "hard_bounce": gettext_lazy("the address does not exist"),
    "no_such_mailbox": gettext_lazy("the address does not exist"),
    "no_such_domain": gettext_lazy("the address's domain takes no mail"),
    "bad_address": gettext_lazy("this is no address"),
    "mailbox_disabled": gettext_lazy("the mailbox is closed"),
    "mailbox_full": gettext_lazy("the mailbox is full"),
    "too_large": gettext_lazy("the mail is too large for this server"),
    "too_fast": gettext_lazy("the server asks for a slower pace"),
    "greylisted": gettext_lazy("the server wants us to come again"),
    "spam": gettext_lazy("taken for spam"),
    "authentication": gettext_lazy("the server does not trust the sender's domain"),
    "relay_denied": gettext_lazy("the server does not pass mail on for this sender"),
    "sender_refused": gettext_lazy("the server refuses the sender"),
    "policy": gettext_lazy("refused by the server's rules"),
    "content": gettext_lazy("refused for what it holds"),
    "server_trouble": gettext_lazy("the server has trouble of its own"),
    "lost_connection": gettext_lazy("the connection broke before the server answered"),
    "timeout": gettext_lazy("the server did not answer in time"),
    "bad_answer": gettext_lazy("the server answered what cannot be understood"),
    "refused": gettext_lazy("refused by the server"),
    "given_up": gettext_lazy("put off until we gave up"),
    "sender_died": gettext_lazy("our sender stopped while the mail was going out"),
    "cancelled": gettext_lazy("the campaign was cancelled"),
    "unsubscribed": gettext_lazy("unsubscribed meanwhile"),
    "bounced": gettext_lazy("the address turned out dead"),
    "complained": gettext_lazy("reported a mail as spam"),
    "sent_again": gettext_lazy("sent again because a person said so"),
    "taken_as_sent": gettext_lazy("taken as sent because a person said so"),
    "other": gettext_lazy("the server gave no usable reason"),
}


def reason(code: str) -> str:
    """Why a mail did not go out, or why nobody knows."""
    if not code:
        return ""
    return str(_REASONS.get(code) or why_left_out(code) or code.replace("_", " "))


def pace(per_minute: float | None) -> str:
    if per_minute is None:
        return ""
    shown = number_format(round(per_minute), 0, force_grouping=True)
    return ngettext("%(n)s mail a minute", "%(n)s mails a minute", round(per_minute)) % {"n": shown}


def decided(n: int, *, send_again: bool) -> str:
    if send_again:
        words = ngettext("%(n)s mail goes out again, under its own Message-ID.", "%(n)s mails go out again, each under its own Message-ID.", n)  # fmt: skip
    else:
        words = ngettext("%(n)s mail is taken as sent.", "%(n)s mails are taken as sent.", n)
    return words % {"n": thousands(n)}


def retried(n: int) -> str:
    if not n:
        return _("There is nobody to try again: addresses that do not exist stay out.")
    return ngettext("%(n)s mail is tried again.", "%(n)s mails are tried again.", n) % {"n": thousands(n)}
