"""Offers and audiences to curate, segments to name; runs to look at."""

from __future__ import annotations

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from core import jobs
from core.errors import Refused
from tenants.admin import ReadOnlyAdmin, TenantAdmin

from . import services
from .models import Allocation, Offer, OfferSegment, RuleSegment, Segment, Segmentation, SegmentProfile


class OfferSegmentInline(admin.TabularInline):
    model = OfferSegment
    extra = 0

    def get_formset(self, request, obj=None, **options):
        formset = super().get_formset(request, obj, **options)
        formset.form.base_fields["segment"].queryset = Segment.objects.filter(is_retired=False)
        return formset

    def has_view_permission(self, request, obj=None) -> bool:
        return True

    has_add_permission = has_change_permission = has_delete_permission = has_view_permission


class OfferAdminForm(forms.ModelForm):
    """An offer checked as the page checks it: its rule can be read, gender decides nothing, somebody stands for age."""

    approves_age = forms.BooleanField(label=_("I stand for it that age decides here"), required=False)

    class Meta:
        model = Offer
        fields = [
            "name", "texts", "channel", "cost", "contact_cost", "discount", "acceptance", "rule", "stock", "valid_from",
            "valid_until", "is_active", "position",
        ]  # fmt: skip

    def clean_texts(self) -> dict[str, str]:
        texts = self.cleaned_data["texts"] or {}
        if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
            raise forms.ValidationError('A text for each language: {"fr": "…", "en": "…", "ar": "…"}')
        return texts

    def clean(self):
        found = super().clean()
        if not self.errors:
            try:
                services.check_rule(self.instance_as_asked(found), self.actor, found.get("approves_age") or None)
            except Refused as refusal:
                raise forms.ValidationError({"rule": refusal.message}) from refusal
        return found

    def instance_as_asked(self, found: dict) -> Offer:
        self.instance.rule = found.get("rule") or {}
        return self.instance


@admin.register(Offer)
class OfferAdmin(TenantAdmin):
    form = OfferAdminForm
    capability = "edit_offers"
    list_display = [
        "name",
        "channel",
        "cost",
        "discount",
        "acceptance",
        "stock",
        "valid_until",
        "is_active",
        "position",
    ]
    list_editable = ["is_active", "position"]
    list_filter = ["is_active", "channel"]
    search_fields = ["name"]
    inlines = [OfferSegmentInline]

    def get_form(self, request, obj=None, **options):
        form = super().get_form(request, obj, **options)
        form.actor = request.user
        return form


class SegmentAdminForm(forms.ModelForm):
    class Meta:
        model = Segment
        fields = ["persona"]

    def clean_persona(self) -> str:
        try:
            return services.free_persona(self.instance, self.cleaned_data["persona"])
        except Refused as refusal:
            raise forms.ValidationError(refusal.message) from refusal


@admin.register(Segment)
class SegmentAdmin(TenantAdmin):
    form = SegmentAdminForm
    capability = "name_segments"
    list_display = ["label", "persona", "persona_code", "is_retired"]
    fields = ["persona"]

    def save_model(self, request, obj, form, change) -> None:
        services.rename_segment(segment=obj, persona=obj.persona, actor=request.user)
        if job := services.open_assignment(requested_by=request.user):
            jobs.ring(job)

    def has_add_permission(self, request) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False


@admin.register(RuleSegment)
class RuleSegmentAdmin(ReadOnlyAdmin):
    list_display = ["name", "updated_at", "created_by"]
    search_fields = ["name"]
    list_select_related = ["created_by"]


@admin.register(Segmentation)
class SegmentationAdmin(ReadOnlyAdmin):
    list_display = [
        "requested_at",
        "state",
        "is_current",
        "customers",
        "k",
        "requested_by",
        "finished_at",
        "error_message",
    ]
    list_filter = ["state", "is_current"]
    list_select_related = ["requested_by"]
    exclude = ["state_of_engine"]


@admin.register(SegmentProfile)
class SegmentProfileAdmin(ReadOnlyAdmin):
    list_display = ["segmentation", "segment", "size", "percentage"]
    list_select_related = ["segmentation", "segment"]


@admin.register(Allocation)
class AllocationAdmin(ReadOnlyAdmin):
    list_display = ["requested_at", "state", "budget", "requested_by", "finished_at", "error_message"]
    list_filter = ["state"]
    list_select_related = ["requested_by"]
