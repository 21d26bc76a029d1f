"""Offers in words: what a segment is offered, and what a budget would bring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from core.templatetags.ui import money, percent

from .models import Offer, OfferSegment, Segment


def text(offer: Offer) -> str:
    """The offer's text in the language in use, else in any that there is, else its name."""
    language = (get_language() or "en").split("-")[0]
    return next((offer.texts[code] for code in (language, "en", "fr", "ar") if offer.texts.get(code)), offer.name)


def of_segments(segments: Sequence[Segment]) -> dict[int, str]:
    """Of each segment (by its key) the first offer in use, in words: one question."""
    today = timezone.localdate()
    links = OfferSegment.objects.filter(segment__in=segments, offer__is_active=True).exclude(offer__stock=0)
    links = links.exclude(offer__valid_from__gt=today).exclude(offer__valid_until__lt=today).select_related("offer")
    found: dict[int, str] = {}
    for link in links.order_by("offer__position", "offer_id"):
        found.setdefault(link.segment_id, text(link.offer))
    return found


def marginal(found: Mapping, currency: str) -> str:
    """What more budget would bring, in words."""
    told = found["marginal"]
    if told["code"] == "no_budget":
        return _("Without a budget, %(enough)s would be set aside; nothing beyond it is worth spending.") % {
            "enough": money(told["enough"], currency)
        }
    if told["code"] == "budget_does_not_bind":
        return _("More budget would keep nobody more: %(enough)s is all that is worth spending.") % {
            "enough": money(told["enough"], currency)
        }
    if told["kept"] < 0.005:  # the best by profit may keep fewer who are worth more
        return _("%(per)s more would earn %(profit)s, by customers who are worth more rather than by keeping more.") % {
            "per": money(told["per"], currency),
            "profit": money(told["profit"], currency),
        }
    return ngettext(
        "%(per)s more would keep about %(kept)s customer and earn %(profit)s.",
        "%(per)s more would keep about %(kept)s customers and earn %(profit)s.",
        max(1, round(told["kept"])),
    ) % {
        "per": money(told["per"], currency),
        "kept": kept(told["kept"]),
        "profit": money(told["profit"], currency),
    }


def kept(count: float) -> str:
    """Expected customers: whole ones from ten up, then as many digits as it takes to say something."""
    digits = 0 if count >= 10 else 1 if count >= 1 else 2
    return number_format(round(count, digits), digits, force_grouping=True)


def terms(offer: Offer, currency: str) -> list[str]:
    """What an offer costs and asks, in short phrases."""
    found = []
    if offer.cost is not None:
        found.append(_("%(cost)s once taken") % {"cost": money(offer.cost, currency)})
    if offer.contact_cost is not None:
        found.append(_("%(cost)s to make it") % {"cost": money(offer.contact_cost, currency)})
    if offer.discount:
        found.append(_("%(share)s off the monthly charge") % {"share": _share(offer.discount)})
    if offer.acceptance is not None:
        found.append(_("%(share)s of leavers accept") % {"share": _share(offer.acceptance)})
    if offer.stock is not None:
        found.append(ngettext("%(n)s in stock", "%(n)s in stock", offer.stock) % {"n": number_format(offer.stock)})
    return found


def _share(value: float) -> str:
    """A share as it was given: 12.5 percent is not 12."""
    return percent(value, 0 if round(100 * value, 3).is_integer() else 1)
