"""The company's scope: every question about customers' data is asked inside one, or it raises.

Built on django-scopes, which keeps the scope in a ContextVar and makes an unscoped query an exception. This module adds
what it leaves open: a scope must be one real company, rows are created in it, and no row moves to another.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils.translation import gettext_lazy as _
from django_scopes import ScopedManager, get_scope, scope
from django_scopes.exceptions import ScopeError
from django_scopes.manager import DisabledQuerySet

if TYPE_CHECKING:
    from .models import Tenant


@contextmanager
def tenant_scope(tenant: Tenant) -> Iterator[None]:
    """Everything inside sees this company's rows only. Entering another company from inside one is refused."""
    from .models import Tenant

    if not isinstance(tenant, Tenant) or tenant.pk is None:
        raise ScopeError("A scope needs one saved company.")
    current = get_scope().get("tenant")
    if current is not None and current.pk != tenant.pk:
        raise ScopeError("Already inside another company's scope.")
    with scope(tenant=tenant):
        yield


@contextmanager
def public_scope(tenant: Tenant) -> Iterator[None]:
    """For doors that are open to anybody and whose sealed token names the company (an unsubscribe link): the reader may be
    signed in to another company, which is left for the length of the block."""
    from .models import Tenant

    if not isinstance(tenant, Tenant) or tenant.pk is None:
        raise ScopeError("A scope needs one saved company.")
    with scope(tenant=tenant):
        yield


def every_company() -> Iterator[AbstractContextManager[None]]:
    """For ``core.companies``: the scope of each company, in the order of their keys, to be entered one after another."""
    from .models import Tenant

    for tenant in Tenant.objects.order_by("pk").iterator(chunk_size=200):
        yield public_scope(tenant)


def current_tenant() -> Tenant:
    """The company in scope; ScopeError where there is none."""
    tenant = get_scope().get("tenant")
    if tenant is None:
        raise ScopeError("No company is in scope.")
    return tenant


class ScopedQuerySet(models.QuerySet):
    """Writes stay in the company: rows are created in the scope, and no update moves one out of it."""

    def bulk_create(self, objs, *args: Any, **kwargs: Any):
        objs = list(objs)
        for row in objs:
            row.enter_scope()
        return super().bulk_create(objs, *args, **kwargs)

    def update(self, **kwargs: Any) -> int:
        if {"tenant", "tenant_id"} & set(kwargs):
            raise ScopeError("A row never moves to another company.")
        return super().update(**kwargs)


class _ClosedQuerySet(DisabledQuerySet):
    """What a question outside a company gets: an exception. django-scopes leaves some doors ajar; these are shut too."""

    exists = contains = exclude = distinct = DisabledQuerySet.error
    in_bulk = bulk_create = bulk_update = create = DisabledQuerySet.error
    select_related = prefetch_related = defer = alias = extra = DisabledQuerySet.error
    intersection = difference = explain = _raw_delete = _update = DisabledQuerySet.error


class TenantManager(type(ScopedManager(tenant="tenant", _manager_class=models.Manager.from_queryset(ScopedQuerySet)))):
    """The default manager of every scoped table: the company in scope, or an exception."""

    def get_queryset(self):
        rows = super().get_queryset()
        if isinstance(rows, DisabledQuerySet):
            return _ClosedQuerySet(self.model, using=self._db, missing_scopes=rows.missing_scopes)
        if get_scope().get("_enabled", True) and get_scope().get("tenant") is None:
            # django-scopes reads "tenant=None" as "every company".
            return _ClosedQuerySet(self.model, using=self._db, missing_scopes={"tenant"})
        return rows


def tenant_key(*, db_index: bool = True) -> models.ForeignKey:
    """The column of the company. A table that is never listed by company alone saves the index."""
    return models.ForeignKey(
        "tenants.Tenant",
        on_delete=models.CASCADE,
        editable=False,
        verbose_name=_("company"),
        related_name="+",
        db_index=db_index,
    )


class TenantModel(models.Model):
    """A table whose rows belong to one company each (RULES 1)."""

    is_tenant_scoped = True

    tenant = tenant_key()

    objects = TenantManager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.enter_scope()
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any):
        self.enter_scope()
        return super().delete(*args, **kwargs)

    def enter_scope(self) -> None:
        """Give a new row the company in scope; refuse a row of another one."""
        tenant = current_tenant()
        if self.tenant_id is None:
            self.tenant = tenant
        elif self.tenant_id != tenant.pk:
            raise ScopeError("This row belongs to another company.")
