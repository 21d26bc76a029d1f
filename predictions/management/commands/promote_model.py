"""``manage.py promote_model --tenant SLUG [--number N | --back] [--reason TEXT --by EMAIL] [--json]``"""

from core.console import JobCommand
from core.errors import Refused
from predictions import registry, services
from predictions.models import ModelVersion
from tenants import selectors as tenants
from tenants.company import company
from tenants.models import User
from tenants.scoping import current_tenant


class Command(JobCommand):
    help = "Put a model in charge: the newest challenger, or the version named; --back returns to the one before."

    def add_arguments(self, parser) -> None:
        super().add_arguments(parser)
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--number", type=int, help="the version's number; without it, the newest challenger")
        which.add_argument("--back", action="store_true", help="the model that was in charge before")
        parser.add_argument("--reason", default="", help="needed where a gate is not green")
        parser.add_argument(
            "--by", default="", metavar="EMAIL", help="the member who answers for it, where a gate blocks"
        )

    def run_in_company(self, *, tenant, number, back, reason, by, **_) -> dict[str, object]:
        with company(tenant):
            actor = _member(by)
            if back:
                done = services.roll_back(actor=actor, reason=reason)
            else:
                done = services.promote(version=_version(number), actor=actor, reason=reason)
            return {"in_charge": done.version.number, "before": done.before.number if done.before else None}


def _version(number: int | None) -> ModelVersion:
    version = registry.challenger() if number is None else ModelVersion.objects.filter(number=number).first()
    if version is None and number is None:
        raise Refused("no_challenger", "There is no challenger: train a model first.")
    if version is None:
        raise Refused("no_such_version", f"There is no model {number}.", number=number)
    return version


def _member(email: str) -> User | None:
    """The member who is named, with the right to promote."""
    if not email:
        return None
    membership = tenants.member_emails(current_tenant()).filter(user=User.objects.of_address(email)).first()
    if membership is None or not membership.can("promote_models"):
        raise Refused("not_a_promoter", f"{email} is no member of this company who may put a model in charge.")
    return membership.user
