"""Customers, their subscriptions and months of use, corrected with a reason; their contacts, to look at."""

from __future__ import annotations

from django import forms
from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from tenants.admin import ReadOnlyAdmin, TenantAdmin

from .. import services
from ..history import customer_history
from ..models import Customer, FormerNumber, Interaction, Subscription, UsageRecord
from .duplicates import DuplicatePages
from .exchange import CorrectionsByFile
from .reasons import CorrectionAdmin, NoAddition, ReasonForm, ReasonFormSet
from .resources import CustomerResource, SubscriptionResource, UsageResource
from .selection import SelectionActions

# Filters here are yes or no: Django's filter by the values of a text column would read the whole table to list them.


class CustomerForm(ReasonForm):
    def clean_external_id(self) -> str:
        number = self.cleaned_data["external_id"].strip()
        if number != self.initial.get("external_id"):
            try:
                services.require_free_number(Customer(pk=self.instance.pk, external_id=number))
            except forms.ValidationError as error:
                raise forms.ValidationError(error.message_dict["external_id"]) from error
        return number

    def clean_attributes(self) -> dict[str, object]:
        """An object of plain values: what imports make, what filters and models read."""
        attributes = self.cleaned_data["attributes"] or {}
        is_flat = isinstance(attributes, dict) and not any(isinstance(v, dict | list) for v in attributes.values())
        if not is_flat:
            raise forms.ValidationError(_('Write an object of plain values, such as {"Region": "South"}.'))
        return attributes


class SubscriptionInline(admin.StackedInline):
    model = Subscription
    formset = ReasonFormSet
    extra = 0
    can_delete = False
    exclude = ["created_at"]

    def has_view_permission(self, request, obj=None) -> bool:
        return True

    has_add_permission = has_change_permission = has_view_permission


@admin.register(Customer)
class CustomerAdmin(DuplicatePages, SelectionActions, CorrectionsByFile, CorrectionAdmin):
    form = CustomerForm
    resource_classes = [CustomerResource]
    list_display = ["external_id", "full_name", "city", "churn_label", "persona", "updated_at"]
    list_filter = ["churn_label", "senior_citizen", "partner", "dependents"]
    # Beginnings only: parts of words would read the whole table.
    search_fields = ["external_id__istartswith", "last_name__istartswith", "email__istartswith"]
    indexed_search = ("external_id", "last_name", "email")
    search_help_text = _("Beginning of the customer number, last name or e-mail")
    fieldsets = [
        (None, {"fields": ["external_id", ("first_name", "last_name"), ("email", "phone"), ("language", "city")]}),
        (_("Profile"), {"fields": [("gender", "age"), ("senior_citizen", "partner", "dependents")]}),
        (_("Outcome"), {"fields": ["churn_label", "persona", "attributes"]}),
    ]
    inlines = [SubscriptionInline]
    ordering = ["pk"]
    view_on_site = staticmethod(lambda customer: reverse("dashboard:client_detail", args=[customer.public_id]))

    @admin.display(description=_("name"), ordering="last_name")
    def full_name(self, customer: Customer) -> str:
        return customer.full_name

    # ---------------------------------------------------------------- written by the services

    def save_model(self, request: HttpRequest, obj: Customer, form: ReasonForm, change: bool) -> None:
        """Nothing yet: the customer and the subscription are written together, in save_related."""

    def save_related(self, request: HttpRequest, form: ReasonForm, formsets, change: bool) -> None:
        plans = [plan for formset in formsets for plan in formset.forms if plan.has_changed()]
        if not change:
            plan = plans[0].save(commit=False) if plans else None
            services.add_customer(customer=form.instance, subscription=plan, actor=request.user)
            return
        changed = {n: v for plan in plans for n, v in plan.cleaned_data.items() if n in plan.changed_data}
        services.correct_customer(
            customer=form.instance,
            changes=form.corrections,
            subscription=changed,
            actor=request.user,
            reason=form.cleaned_data["reason"],
        )

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        """Erasing a person cannot be taken back: not everybody who corrects may."""
        membership = getattr(request, "membership", None)
        return self._may(request) and membership.can("erase_customers")

    def delete_model(self, request: HttpRequest, obj: Customer) -> None:
        services.erase_customer(customer=obj, actor=request.user, reason=request.POST.get("reason", ""))

    def goes_along(self, obj: Customer) -> dict[str, int]:
        along = (Subscription, UsageRecord, Interaction)
        counted = [(model._meta, model.objects.filter(customer=obj).count()) for model in along]
        names = {str(meta.verbose_name if n == 1 else meta.verbose_name_plural): n for meta, n in counted if n}
        return super().goes_along(obj) | names

    # ---------------------------------------------------------------- who changed what

    def history_view(self, request: HttpRequest, object_id, extra_context=None) -> HttpResponse:
        customer = self.get_object(request, object_id)
        if customer is None:
            raise Http404
        context = {
            **self.admin_site.each_context(request),
            "title": _("History of %(who)s") % {"who": customer},
            "opts": self.opts,
            "customer": customer,
            "history": customer_history(customer, limit=200),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/customers/customer/history.html", context)


class OfACustomer(CorrectionAdmin):
    """Rows that hang on a customer: their history is the customer's."""

    list_select_related = ["customer"]
    search_fields = ["customer__external_id__istartswith"]
    indexed_search = ("external_id",)
    searched_through = "customer"
    search_help_text = _("Beginning of the customer number")
    raw_id_fields = ["customer"]

    def history_view(self, request: HttpRequest, object_id, extra_context=None) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        return HttpResponseRedirect(reverse("admin:customers_customer_history", args=[row.customer_id]))


@admin.register(Subscription)
class SubscriptionAdmin(NoAddition, CorrectionsByFile, OfACustomer):
    """A subscription begins on the customer's own page, and ends with the customer."""

    resource_classes = [SubscriptionResource]
    list_display = ["customer", "contract", "internet_service", "tenure", "monthly_charges", "total_charges"]
    list_filter = ["phone_service", "paperless_billing"]
    readonly_fields = ["customer"]
    ordering = ["pk"]

    def has_delete_permission(self, request, obj=None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Subscription, form: ReasonForm, change: bool) -> None:
        services.correct_subscription(
            subscription=obj, changes=form.corrections, actor=request.user, reason=form.cleaned_data["reason"]
        )


class UsageForm(ReasonForm):
    def clean_month(self):
        return self.cleaned_data["month"].replace(day=1)

    def clean(self):
        cleaned = super().clean()
        customer, month = cleaned.get("customer"), cleaned.get("month")
        if customer and month and UsageRecord.objects.filter(customer=customer, month=month).exists():
            raise forms.ValidationError(_("This month of this customer is known already: correct it."))
        return cleaned


@admin.register(UsageRecord)
class UsageRecordAdmin(CorrectionsByFile, OfACustomer):
    form = UsageForm
    resource_classes = [UsageResource]
    list_display = ["customer", "month", "montant_consommation", "nombre_appels", "volume_data", "nombre_sms"]
    ordering = ["-pk"]

    def get_readonly_fields(self, request: HttpRequest, obj=None):
        return ["customer", "month"] if obj else []

    def save_model(self, request: HttpRequest, obj: UsageRecord, form: ReasonForm, change: bool) -> None:
        if not change:
            services.add_usage(usage=obj, actor=request.user)
            return
        services.correct_usage(
            usage=obj, changes=form.corrections, actor=request.user, reason=form.cleaned_data["reason"]
        )

    def delete_model(self, request: HttpRequest, obj: UsageRecord) -> None:
        services.remove_usage(usage=obj, actor=request.user, reason=request.POST.get("reason", ""))


@admin.register(Interaction)
class InteractionAdmin(ReadOnlyAdmin):
    list_display = ["customer", "campaign_code", "kind", "happened_on", "left_within_horizon"]
    list_filter = ["kind"]
    ordering = ["-pk"]
    list_select_related = ["customer"]
    search_fields = ["customer__external_id__istartswith"]
    indexed_search = ("external_id",)
    searched_through = "customer"


@admin.register(FormerNumber)
class FormerNumberAdmin(NoAddition, TenantAdmin):
    """Numbers of customers who were merged. Without one, the next file that has it makes a new customer."""

    list_display = ["external_id", "customer", "merged_at"]
    list_select_related = ["customer"]
    search_fields = ["external_id__istartswith"]
    ordering = ["-pk"]

    def has_change_permission(self, request, obj=None) -> bool:
        return False
