"""Two customers who are one person, for programs: what merging them would do, and the merge."""

from __future__ import annotations

from decimal import Decimal

from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from core import bodies
from core.operations import operation
from core.serialized import body_of
from core.shapes import ANYTHING, COUNT, IDENTIFIER, TEXT, YES_NO, many, maybe, named, one_of, record, says
from tenants.idempotency import idempotent

from . import services
from .api_customers import LONGEST_NUMBER, find_customer
from .services.merging import GONE, KEPT

_SIDE = one_of(KEPT, GONE)
MERGED = named(
    "Merged",
    record(
        {
            "id": says(IDENTIFIER, "Of the customer who stays."),
            "external_id": TEXT,
            "former_number": says(
                TEXT, "The number of the one who goes: files that still have it reach the one who stays."
            ),
            "dry_run": YES_NO,
            "differing": says(
                many(
                    record(
                        {
                            "field": TEXT,
                            "kept": says(ANYTHING, "As the one who stays has it."),
                            "gone": says(ANYTHING, "As the one who goes has it."),
                            "stays": says(maybe(_SIDE), "Whose value stays; null: somebody has to say it."),
                        }
                    )
                ),
                "Fields in which the two differ.",
            ),
            "months_moved": COUNT,
            "months_dropped": says(COUNT, "Months that both have: that of the one who stays wins."),
            "contacts_moved": COUNT,
            "contacts_dropped": COUNT,
        }
    ),
)


class MergeBody(bodies.Body):
    """``gone``: the number or identifier of the customer who goes. ``fields``: whose value stays, by the field's name as the plan
    names it; what is not named takes the plan's choice."""

    gone = bodies.Text(max_length=LONGEST_NUMBER)
    fields_ = serializers.DictField(child=serializers.ChoiceField(choices=[KEPT, GONE]), required=False)
    reason = bodies.Reason()
    dry_run = bodies.Yes(default=False)

    def get_fields(self) -> dict[str, serializers.Field]:
        named_ = super().get_fields()
        named_["fields"] = named_.pop("fields_")  # a serializer has an attribute of this name
        return named_


class MergeView(APIView):
    capability = {"POST": "curate_data"}

    @operation(
        **body_of(MergeBody),
        answers={200: MERGED},
        refuses={
            422: "They are one customer (`same_customer`), one left and the other stayed and nobody says which is true "
            "(`label_conflict`), or one is gone meanwhile (`gone`)."
        },
    )
    @idempotent
    def post(self, request, number):
        """Make one customer of two: the one of this address stays, with the months, contacts and history of both. With
        ``dry_run`` nothing is written, and the answer says what would be. It cannot be undone."""
        said = bodies.read(request, MergeBody)
        kept, gone = find_customer(number), find_customer(said["gone"])
        plan = services.plan_merge(kept=kept, gone=gone)
        choices = said.get("fields", {})
        if unknown := sorted(set(choices) - {field.key for field in plan.fields}):
            raise serializers.ValidationError({"fields": [f"no such field: {name[:100]}" for name in unknown[:20]]})
        if not said["dry_run"]:
            services.merge_customers(kept=kept, gone=gone, choices=choices, actor=request.user, reason=said["reason"])
        return Response(
            {
                "id": str(kept.public_id),
                "external_id": kept.external_id,
                "former_number": gone.external_id,
                "dry_run": said["dry_run"],
                "differing": [
                    {
                        "field": field.key,
                        "kept": _plain(field.kept),
                        "gone": _plain(field.gone),
                        "stays": choices.get(field.key) or field.default or None,
                    }
                    for field in plan.differing
                ],
                "months_moved": plan.months_moved,
                "months_dropped": plan.months_dropped,
                "contacts_moved": plan.contacts_moved,
                "contacts_dropped": plan.contacts_dropped,
            }
        )


def _plain(value: object) -> object:
    return bodies.exact(value) if isinstance(value, Decimal) else value
