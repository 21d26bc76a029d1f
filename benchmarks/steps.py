"""A measurement as a process of its own: called by its name, run in the benchmark's company, told as JSON."""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping

OWNER = "owner@benchmark.example.com"


def call(module: str, step: str, environment: dict[str, str], **options: object) -> dict:
    """Run one step of a benchmark; what it found, its ``peak`` of memory in MB and the ``engine``. An option that is True
    is a flag."""
    command = [sys.executable, "-m", f"benchmarks.{module}", "--step", step]
    for name, value in options.items():
        command += [f"--{name}", *([] if value is True else [str(value)])]
    result = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(result.stdout.splitlines()[-1])


def run(steps: Mapping[str, Callable[[argparse.Namespace], dict]], options: argparse.Namespace) -> None:
    """The other end: do the step that ``options.step`` names, in the company, which is made with its owner where it is not there."""
    import django

    django.setup()
    from django.db import connection

    from tenants import services as tenants
    from tenants.models import Role, Tenant
    from tenants.scoping import tenant_scope

    company = Tenant.objects.filter(slug="benchmark").first()
    if company is None:
        company = tenants.create_company(slug="benchmark", name="Benchmark")
        with tenant_scope(company):
            tenants.add_member(email=OWNER, name="Owner", role=Role.OWNER, password="not-a-secret-1")
    with tenant_scope(company):
        found = steps[options.step](options)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**found, "peak": peak, "engine": connection.display_name}))
