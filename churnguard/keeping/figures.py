"""What /metrics says of backups: how old the last good one is, how large, and whether the newest try or drill failed."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from core.backups import reports


def metrics() -> Iterator[Metric]:
    """For core.metrics. Where there never was one, the age is missing: an alert asks for its absence as well."""
    told = reports.reports()
    for name, title in ((reports.BACKUP, "backup"), (reports.DRILL, "restore drill")):
        found = told.get(name)
        if found is None:
            continue
        prefix = f"churnguard_{name}" if name == reports.BACKUP else "churnguard_restore_drill"
        if (age := found.age) is not None:
            yield _gauge(f"{prefix}_age_seconds", f"Since the last {title} that succeeded.", age)
        yield _gauge(f"{prefix}_failing", f"1 where the newest {title} failed.", float(not found.succeeded))
        facts = found.facts or {}
        if "seconds" in facts:
            yield _gauge(f"{prefix}_seconds", f"How long the last {title} took.", float(facts["seconds"]))
        if name == reports.BACKUP and "bytes" in facts:
            yield _gauge(f"{prefix}_bytes", "What the last backup holds.", float(facts["bytes"]))
            yield _gauge(f"{prefix}_new_bytes", "What of it was new in the store.", float(facts["new_bytes"]))


def _gauge(name: str, text: str, value: float) -> Metric:
    gauge = GaugeMetricFamily(name, text)
    gauge.add_metric([], value)
    return gauge
