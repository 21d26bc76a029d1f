"""Pages for people who stand there twice: what a search found, and two rows side by side before they become one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import wraps

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from core import jobs, keyset
from core.errors import Refused

from .. import selectors, services
from ..history import in_words
from ..models import Customer, DuplicateGroup, Subscription

_PAGE = 20
_REFRESH_SECONDS = 2


@dataclass(frozen=True, slots=True)
class _Shown:
    """A group on the page, with the customers who are still there."""

    group: DuplicateGroup
    customers: list[Customer]

    @property
    def rules(self) -> list[str]:
        return [str(DuplicateGroup.Rule(rule).label) for rule in (self.group.rule, *self.group.also)]

    @property
    def hidden(self) -> int:
        return max(0, self.group.size - len(self.customers))


class DuplicatePages(admin.ModelAdmin):
    """Adds the pages to the customers' admin. Who may correct customers may merge them."""

    def get_urls(self):
        pages = [
            ("duplicates/", self.duplicates_view, "duplicates"),
            ("duplicates/search/", require_POST(self.search_view), "search_duplicates"),
            ("duplicates/<int:pk>/apart/", require_POST(self.apart_view), "keep_apart"),
            ("merge/", self.merge_view, "merge"),
        ]
        ours = [
            path(route, self.admin_site.admin_view(self._guarded(view)), name=f"customers_customer_{name}")
            for route, view, name in pages
        ]
        return ours + super().get_urls()

    def _guarded(self, view):
        @wraps(view)  # so that it can be seen whose page it is, and what that asks
        def guarded(request: HttpRequest, **kwargs: object) -> HttpResponse:
            if not self.has_change_permission(request):
                raise PermissionDenied
            request.current_app = self.admin_site.name
            return view(request, **kwargs)

        return guarded

    def changelist_view(self, request: HttpRequest, extra_context=None) -> HttpResponse:
        address = reverse("admin:customers_customer_duplicates")
        return super().changelist_view(request, {**(extra_context or {}), "duplicates_url": address})

    # ---------------------------------------------------------------- what was found

    def duplicates_view(self, request: HttpRequest) -> HttpResponse:
        search = selectors.newest_duplicate_search()
        page = keyset.paginate(
            selectors.duplicate_groups(),
            keyset.Order("pk", descending=False),
            after=request.GET.get("after", ""),
            before=request.GET.get("before", ""),
            size=_PAGE,
        )
        there = selectors.members_of(page.rows)
        shown = [_Shown(group, there[group.pk]) for group in page.rows]
        context = {
            **self.admin_site.each_context(request),
            "title": _("Likely duplicates"),
            "opts": self.opts,
            "search": search,
            "job": search,
            "page": page,
            "groups": [s for s in shown if len(s.customers) > 1],
        }
        response = TemplateResponse(request, "admin/customers/customer/duplicates.html", context)
        if search is not None and search.is_open:
            response["Refresh"] = str(_REFRESH_SECONDS)  # no script: the page asks again until the search is over
        return response

    def search_view(self, request: HttpRequest) -> HttpResponse:
        jobs.ring(services.open_duplicate_search(requested_by=request.user))
        return HttpResponseRedirect(reverse("admin:customers_customer_duplicates"))

    def apart_view(self, request: HttpRequest, *, pk: int) -> HttpResponse:
        group = DuplicateGroup.objects.filter(pk=pk).first()
        if group is None:
            raise Http404
        services.keep_apart(group=group, actor=request.user)
        messages.success(request, _("Kept apart: the next search does not ask again."))
        return HttpResponseRedirect(reverse("admin:customers_customer_duplicates"))

    # ---------------------------------------------------------------- two become one

    def merge_view(self, request: HttpRequest) -> HttpResponse:
        kept, gone = (self._customer(request.GET.get(name, "")) for name in ("kept", "gone"))
        back = reverse("admin:customers_customer_duplicates")
        try:
            plan = services.plan_merge(kept=kept, gone=gone)
        except Refused as refusal:
            messages.error(request, refusal.message)
            return HttpResponseRedirect(back)
        problem = ""
        if request.method == "POST":
            choices = {f.key: request.POST[f"field-{f.key}"] for f in plan.fields if f"field-{f.key}" in request.POST}
            try:
                merged = services.merge_customers(
                    kept=kept, gone=gone, choices=choices, actor=request.user, reason=request.POST.get("reason", "")
                )
            except Refused as refusal:
                problem = refusal.message
            else:
                number = gone.external_id
                messages.success(
                    request,
                    _("%(number)s is %(who)s now, with all of its history.") % {"number": number, "who": merged},
                )
                return HttpResponseRedirect(back)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Merge two customers"),
            "opts": self.opts,
            "plan": plan,
            "rows": [_row(field, request.POST.get(f"field-{field.key}")) for field in plan.differing],
            "same": [_row(field, None) for field in plan.fields if not field.differs and field.kept not in (None, "")],
            "reason": request.POST.get("reason", ""),
            "longest": services.LONGEST_REASON,
            "problem": problem,
        }
        status = 422 if problem else 200
        return TemplateResponse(request, "admin/customers/customer/merge.html", context, status=status)

    def _customer(self, public_id: str) -> Customer:
        try:
            return Customer.objects.get(public_id=public_id)
        except (Customer.DoesNotExist, ValidationError) as absent:
            raise Http404 from absent


def _row(field: services.FieldChoice, chosen: str | None) -> dict[str, object]:
    models = {"customer": Customer, "subscription": Subscription}
    model = models.get(field.table)
    label = capfirst(str(model._meta.get_field(field.name).verbose_name)) if model else field.name
    return {
        "key": field.key,
        "label": label,
        "kept": in_words(field.kept),
        "gone": in_words(field.gone),
        "chosen": chosen or field.default,
        "must_choose": not field.default,
    }
