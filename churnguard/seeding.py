"""The demonstration's companies and people: Atlas Telecom with data, Borealis Mobile to prove the separation."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from core.errors import Refused
from tenants import services as tenants
from tenants.models import Role, Tenant
from tenants.scoping import tenant_scope

DEMO_PASSWORD = "keep-every-customer"  # noqa: S105  for the loopback demonstration only, refused in production
DEMO_SEED = 7


@dataclass(frozen=True, slots=True)
class Person:
    email: str
    name: str
    role: str


@dataclass(frozen=True, slots=True)
class Company:
    slug: str
    name: str
    locale: str
    time_zone: str
    currency: str
    people: tuple[Person, ...]


ATLAS = Company(
    "atlas-telecom",
    "Atlas Telecom",
    "en",
    "Africa/Tunis",
    "TND",
    (
        Person("olfa@atlas.example.com", "Olfa Ben Salem", Role.OWNER),
        Person("alice@atlas.example.com", "Alice Martin", Role.ADMIN),
        Person("omar@atlas.example.com", "Omar Trabelsi", Role.OPERATOR),
        Person("anna@atlas.example.com", "Anna Rossi", Role.ANALYST),
        Person("bob@atlas.example.com", "Bob Durand", Role.VIEWER),
    ),
)
BOREALIS = Company(
    "borealis-mobile",
    "Borealis Mobile",
    "fr",
    "America/Montreal",
    "CAD",
    (Person("charlie@borealis.example.com", "Charlie Tremblay", Role.ADMIN),),
)


def seed_companies(*, count: int = 2, password: str = "") -> list[Tenant]:
    """Create the demonstration's companies and people where they are missing; the rest is left as it is."""
    if settings.DATABASES and getattr(settings, "SESSION_COOKIE_SECURE", False) and not password:
        raise Refused("unsafe", "Demonstration accounts have a known password: in production give --password.")
    wanted = [ATLAS, BOREALIS][:count]
    wanted += [
        Company(
            f"company-{n}",
            f"Company {n}",
            "en",
            "UTC",
            "USD",
            (Person(f"owner@company-{n}.example.com", f"Owner {n}", Role.OWNER),),
        )
        for n in range(3, count + 1)
    ]
    return [_seed(company, password or DEMO_PASSWORD) for company in wanted]


def _seed(company: Company, password: str) -> Tenant:
    with transaction.atomic():
        tenant = Tenant.objects.filter(slug=company.slug).first()
        if tenant is None:
            tenant = tenants.create_company(
                slug=company.slug,
                name=company.name,
                locale=company.locale,
                time_zone=company.time_zone,
                currency=company.currency,
            )
        with tenant_scope(tenant):
            for person in company.people:
                if not tenant.memberships.filter(user__email=person.email).exists():
                    tenants.add_member(email=person.email, name=person.name, role=person.role, password=password)
    return tenant
