"""One correction for many customers: the list asks why, says how many and whom, and only then writes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.errors import Refused
from core.templatetags.ui import thousands

from .. import services
from ..models import Customer

_SAMPLE = 12


def _correction(name: str, description: str):
    """The list's action for one of services.BULK_CORRECTIONS."""

    @admin.action(description=description, permissions=["change"])
    def ask(self, request: HttpRequest, queryset: QuerySet[Customer]) -> HttpResponse | None:
        return self.correct_selection(request, queryset, name)

    return ask


class SelectionActions(admin.ModelAdmin):
    actions = ["mark_left", "mark_stayed", "forget_label", "clear_persona", "merge_two", "export_selection"]

    mark_left = _correction("mark_left", gettext_lazy("Mark as left"))
    mark_stayed = _correction("mark_stayed", gettext_lazy("Mark as stayed"))
    forget_label = _correction("forget_label", gettext_lazy("Forget whether they left"))
    clear_persona = _correction("clear_persona", gettext_lazy("Clear the persona"))

    def correct_selection(self, request: HttpRequest, queryset: QuerySet[Customer], name: str) -> HttpResponse | None:
        """Ask for the reason; on the second round write, where the selection is still the one that was shown."""
        # One more than allowed tells a larger selection from an allowed one, and no list of a million is ever read.
        keys = list(queryset.order_by("pk").values_list("pk", flat=True)[: services.MOST_AT_ONCE + 1])
        try:
            services.require_few(len(keys))
        except Refused as refusal:
            self.message_user(request, refusal.message, messages.ERROR)
            return None
        shown = request.POST.get("shown")
        problem = ""
        if shown == _fingerprint(keys):
            try:
                changed = services.correct_selection(
                    customers=keys, correction=name, actor=request.user, reason=request.POST.get("reason", "")
                )
            except Refused as refusal:
                problem = refusal.message
            else:
                self._say(request, name, changed)
                return None
        elif shown:
            problem = _("The list changed meanwhile: these are the customers selected now.")
        return self._ask(request, queryset, keys, name, problem)

    def _ask(
        self, request: HttpRequest, queryset: QuerySet[Customer], keys: Sequence[int], name: str, problem: str
    ) -> HttpResponse:
        field, value = services.BULK_CORRECTIONS[name]
        context = {
            **self.admin_site.each_context(request),
            "title": self.get_action(name)[2],
            "opts": self.opts,
            "name": name,
            "count": len(keys),
            "unchanged": Customer.objects.filter(Q(**{field: value}), pk__in=keys).count(),
            "sample": list(queryset.order_by("pk")[:_SAMPLE]),
            "more": max(0, len(keys) - _SAMPLE),
            "shown": _fingerprint(keys),
            "checkbox": ACTION_CHECKBOX_NAME,
            "ticked": request.POST.getlist(ACTION_CHECKBOX_NAME),
            "select_across": request.POST.get("select_across", "0"),
            "reason": request.POST.get("reason", ""),
            "longest": services.LONGEST_REASON,
            "problem": problem,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/customers/selection.html", context)

    def _say(self, request: HttpRequest, name: str, changed: int) -> None:
        if not changed:
            self.message_user(request, _("Nothing to change: it was so already."), messages.INFO)
            return
        said = ngettext("%(n)s customer was changed.", "%(n)s customers were changed.", changed)
        said %= {"n": thousands(changed)}
        if name != "clear_persona":
            said += " " + _("The lists by risk follow with the next scoring, the model with the next training.")
        self.message_user(request, said, messages.SUCCESS)

    @admin.action(description=gettext_lazy("Merge the two selected"), permissions=["change"])
    def merge_two(self, request: HttpRequest, queryset: QuerySet[Customer]) -> HttpResponse | None:
        two = list(queryset.order_by("pk").values_list("public_id", flat=True)[:3])
        if len(two) != 2:
            self.message_user(request, _("Select exactly two customers to merge."), messages.ERROR)
            return None
        return HttpResponseRedirect(reverse("admin:customers_customer_merge") + f"?kept={two[0]}&gone={two[1]}")

    @admin.action(description=gettext_lazy("Export the selected"), permissions=["view"])
    def export_selection(self, request: HttpRequest, queryset: QuerySet[Customer]) -> HttpResponse:
        address = reverse("admin:customers_customer_export")
        if request.POST.get("select_across") == "1":
            return HttpResponseRedirect(f"{address}?{request.GET.urlencode()}")
        keys = ",".join(str(pk) for pk in queryset.order_by("pk").values_list("pk", flat=True)[: self.list_per_page])
        return HttpResponseRedirect(f"{address}?id__in={keys}")


def _fingerprint(keys: Sequence[int]) -> str:
    """Stands for exactly these customers, so that nobody is changed who was not counted before."""
    return hashlib.sha256(",".join(map(str, keys)).encode()).hexdigest()
