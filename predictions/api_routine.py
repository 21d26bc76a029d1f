"""What happens by itself, for programs: when everybody is scored, drift is looked for, a challenger is trained."""

from __future__ import annotations

from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from core import bodies
from core.operations import operation
from core.serialized import body_of, shape_of
from core.shapes import named

from . import registry, services
from .models import Routine
from .services.routine import FIELDS


class RoutineBody(bodies.Body):
    """By the company's own clock: an hour, a weekday from Monday (0), a day of the month; only what is named is changed."""

    scores_nightly = bodies.Yes(required=False)
    scoring_hour = bodies.Whole(min_value=0, max_value=23, required=False)
    checks_weekly = bodies.Yes(required=False)
    check_weekday = bodies.Whole(min_value=0, max_value=6, required=False)
    retrains_monthly = bodies.Yes(required=False)
    retrain_day = bodies.Whole(min_value=1, max_value=28, required=False)


class RoutineAnswer(serializers.ModelSerializer):
    """What happens by itself, and when it did last: days, by the company's own clock."""

    class Meta:
        model = Routine
        fields = (*FIELDS, "last_scored_on", "last_checked_on", "last_retrained_on")


_ROUTINE = named("Routine", shape_of(RoutineAnswer()))


class RoutineView(APIView):
    capability = {"GET": "view_models", "PATCH": "set_routine"}

    @operation(answers={200: _ROUTINE})
    def get(self, request):
        """What happens by itself, and when it did last."""
        return Response(RoutineAnswer(registry.routine()).data)

    @operation(**body_of(RoutineBody), answers={200: _ROUTINE}, refuses={422: "It cannot be set so."})
    def patch(self, request):
        """Change what happens by itself."""
        said = bodies.read(request, RoutineBody)
        if not said:
            raise ValidationError({"body": ["name at least one field to change"]})
        return Response(RoutineAnswer(services.set_routine(actor=request.user, **said)).data)
