"""Rule segments: audiences by conditions, saved under a name."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from core.errors import Refused
from tenants import services as tenants
from tenants.models import User
from tenants.scoping import current_tenant

from .. import audiences, conditions
from .. import wording_conditions as words
from ..models import RuleSegment

MOST = 500  # of a company


def save_rule(*, actor: User | None, name: str, rule: object, segment: RuleSegment | None = None) -> RuleSegment:
    """Write a new rule segment, or change one.

    Raises Refused: ``name_missing``, ``name_taken``, ``too_many``, ``invalid_rule`` (facts: problems, each with the path of
    its place in the rule).
    """
    name = " ".join(name.replace("\x00", "").split())  # which no database takes, and no name needs
    if not name or len(name) > 120:
        raise Refused("name_missing", _("Give it a name of at most 120 characters."))
    tree = read_rule(rule)
    is_new = segment is None
    if is_new and RuleSegment.objects.count() >= MOST:
        raise Refused("too_many", _("There are %(n)s rule segments already: delete one first.") % {"n": MOST})
    segment = segment or RuleSegment(tenant=current_tenant(), created_by=actor)
    segment.name, segment.rule = name, tree.as_json()
    try:
        with transaction.atomic():
            segment.save()
            verb = "rule_segment_created" if is_new else "rule_segment_changed"
            tenants.record(verb, segment, actor=actor, conditions=conditions.describe(tree).conditions)
    except IntegrityError as error:
        raise Refused("name_taken", _("There is a rule segment of this name already.")) from error
    return segment


def read_rule(rule: object) -> conditions.Tree:
    """A rule as a person or a program gave it. Raises Refused: ``invalid_rule``."""
    try:
        return conditions.parse(rule, audiences.catalogue())
    except conditions.Invalid as error:
        said = " ".join(words.problem(problem) for problem in error.problems)
        raise Refused("invalid_rule", said, problems=[problem.as_json() for problem in error.problems]) from error


def delete_rule(*, segment: RuleSegment, actor: User | None) -> None:
    with transaction.atomic():
        tenants.record("rule_segment_deleted", segment, actor=actor)
        segment.delete()
