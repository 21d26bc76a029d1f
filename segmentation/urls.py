from django.urls import path

from . import api, api_offers, api_rules, api_segments, views, views_offers, views_rules

app_name = "segmentation"

urlpatterns = [
    path("segments", views.segments, name="segments"),
    path("segments/refresh", views.start_refresh, name="start_refresh"),
    path("segments/runs/<uuid:public_id>/cancel", views.cancel_refresh, name="cancel_refresh"),
    path("segments/how-many", views.how_many, name="how_many"),
    path("segments/compare", views.compare, name="compare"),
    path("segments/table.csv", views.export_table, name="export_table"),
    path("segments/<int:number>/persona", views.rename, name="rename"),
    path("segments/rules", views_rules.rule_list, name="rules"),
    path("segments/rules/new", views_rules.new_rule, name="new_rule"),
    path("segments/rules/count", views_rules.count, name="count_rule"),
    path("segments/rules/<uuid:public_id>", views_rules.rule_detail, name="rule"),
    path("segments/rules/<uuid:public_id>/delete", views_rules.delete_rule, name="delete_rule"),
    path("segments/offers", views_offers.offers, name="offers"),
    path("segments/offers/new", views_offers.new_offer, name="new_offer"),
    path("segments/offers/allocate", views_offers.allocate, name="allocate"),
    path(
        "segments/offers/allocations/<uuid:public_id>/cancel", views_offers.cancel_allocation, name="cancel_allocation"
    ),
    path("segments/offers/allocations/<uuid:public_id>.csv", views_offers.export_allocation, name="export_allocation"),
    path("segments/offers/<uuid:public_id>", views_offers.offer_detail, name="offer"),
    path("segments/offers/<uuid:public_id>/delete", views_offers.delete_offer, name="delete_offer"),
    path("api/cluster_distribution", api.ClusterDistributionView.as_view(), name="api_cluster_distribution"),
    path("api/feature_importance", api.FeatureImportanceView.as_view(), name="api_feature_importance"),
    path("api/cluster_profiles", api.ClusterProfilesView.as_view(), name="api_cluster_profiles"),
    path("api/segment_details", api.SegmentDetailsView.as_view(), name="api_segment_details"),
    path("api/segmentation", api.SegmentationView.as_view(), name="api_segmentation"),
    path("api/segments", api_segments.SegmentsView.as_view(), name="api_segments"),
    path("api/segments/<str:label>", api_segments.SegmentView.as_view(), name="api_segment"),
    path("api/segments/<str:label>/members", api_segments.MembersView.as_view(), name="api_segment_members"),
    path("api/rule-segments", api_rules.RulesView.as_view(), name="api_rules"),
    path("api/rule-segments/count", api_rules.CountView.as_view(), name="api_count_rule"),
    path("api/rule-segments/<uuid:public_id>", api_rules.RuleView.as_view(), name="api_rule"),
    path("api/offers", api_offers.OffersView.as_view(), name="api_offers"),
    path("api/offers/<uuid:public_id>", api_offers.OfferView.as_view(), name="api_offer"),
    path("api/allocations", api_offers.AllocationListView.as_view(), name="api_allocation_list"),
    path("api/allocations/<uuid:public_id>", api_offers.AllocationView.as_view(), name="api_allocation"),
    path(
        "api/allocations/<uuid:public_id>/lines", api_offers.AllocationLinesView.as_view(), name="api_allocation_lines"
    ),
    path("api/offers/allocations", api_rules.AllocationsView.as_view(), name="api_allocations"),
]
