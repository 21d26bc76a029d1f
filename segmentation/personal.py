"""What this stage's tables hold of people (see ``core.inventory``)."""

from core.inventory import ALL, Goes, Whose, held, nobodys

_CASCADE = "as long as the customer"

HELD = (
    held("segmentation.SegmentMembership", ALL, Whose.CUSTOMER, "which segment they are in", Goes.WITH_CUSTOMER, _CASCADE,
         leaves="a customer's page, export"),
    held("segmentation.AllocatedOffer", ALL, Whose.CUSTOMER, "which offer would pay for them", Goes.WITH_CUSTOMER, _CASCADE,
         leaves="export of an allocation"),
    held("segmentation.RuleSegment", "name rule", Whose.ANYBODY, "who is meant by a rule; it may name single customers",
         Goes.BY_HAND, "until it is removed", leaves="/segments/rules, GET /api/rule-segments"),
    held("segmentation.Offer", "name texts rule", Whose.ANYBODY, "what is offered to whom", Goes.BY_HAND, "until it is changed",
         leaves="/segments/offers, GET /api/offers"),
    held("segmentation.Segment", "persona personas_written", Whose.ANYBODY, "what people call a segment", Goes.BY_HAND,
         "until it is changed", leaves="/segments"),
)  # fmt: skip

NOBODYS = nobodys(
    Segmentation="features state_of_engine figures flow advice refusal",
    Segment="label persona_code",
    SegmentProfile="mean_values scaled quartiles portrait stakes",
    Offer="channel",
    Allocation="offers_then economics result",
)
