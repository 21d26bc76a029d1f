"""Figures for Prometheus: how long answers take, what fails, memory and processor; and whatever else is provided here.

Every process of the site counts into files of its own in one folder (prometheus_client's way), and whoever is asked for
/metrics adds them up. What comes from the database or the broker (``provide``) is written down once for all of them and
kept for 15 s, or for twenty times as long as it took, so that watching never costs more than a twentieth of the time.
"""

from __future__ import annotations

import fcntl
import hmac
import ipaddress
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest

from . import health

FOLDER = Path(settings.METRICS_DIR)
FOLDER.mkdir(parents=True, exist_ok=True)
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(FOLDER)  # read when the library is imported

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest  # noqa: E402
from prometheus_client.core import GaugeMetricFamily  # noqa: E402
from prometheus_client.metrics_core import Metric  # noqa: E402
from prometheus_client.mmap_dict import MmapedDict  # noqa: E402
from prometheus_client.multiprocess import MultiProcessCollector  # noqa: E402

logger = logging.getLogger(__name__)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_KEPT_TIMES_ITS_COST = 20
_PROCESS_EVERY_SECONDS = 5.0
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_PROBES = frozenset({"livez", "readyz", "metrics"})  # 503 is how /readyz says what it is asked for
_SIGNS_OF_A_PROXY = ("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-IP", "Forwarded", "Via")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

_counted = CollectorRegistry()
_seconds = Histogram(
    "churnguard_request_seconds",
    "Seconds until the answer's head was ready, by the name of the route.",
    ("route", "method", "status"),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
    registry=_counted,
)
_failed = Counter("churnguard_server_errors", "Answers of 500 and above.", ("route",), registry=_counted)
_memory = Gauge(
    "churnguard_process_resident_bytes",
    "Memory of a process of the site.",
    ("part",),
    multiprocess_mode="liveall",
    registry=_counted,
)
_processor = Gauge(
    "churnguard_process_cpu_seconds",
    "Processor time that a process of the site has used.",
    ("part",),
    multiprocess_mode="liveall",
    registry=_counted,
)

Provider = Callable[[], Iterable[Metric]]
_providers: dict[str, Provider] = {}
_process_noted_at = -1e9


def provide(name: str, provider: Provider) -> None:
    """Add figures from the database or the broker; ``name`` makes a second call harmless."""
    _providers[name] = provider


def note_request(*, route: str, method: str, status: int, seconds: float) -> None:
    """Count an answer. ``route`` is a name from the URLconf, never an address: those are without number."""
    method = method if method in _METHODS else "other"
    _seconds.labels(route, method, f"{status // 100}xx").observe(seconds)
    if status >= 500 and route not in _PROBES:
        _failed.labels(route).inc()
    note_process()


def note_process(part: str = "web") -> None:
    """Memory and processor time of this process, at most every five seconds. ``part``: web or worker."""
    global _process_noted_at
    now = time.monotonic()
    if now - _process_noted_at < _PROCESS_EVERY_SECONDS:
        return
    _process_noted_at = now
    _memory.labels(part).set(_resident_bytes())
    _processor.labels(part).set(time.process_time())


def _resident_bytes() -> int:
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES
    except (OSError, ValueError, IndexError):  # another system than Linux
        return 0


# ---------------------------------------------------------------- who may read


def may_read(request: HttpRequest) -> bool:
    """By METRICS_TOKEN (``Authorization: Bearer``), or from an address in METRICS_NETWORKS."""
    token = settings.METRICS_TOKEN
    if token and hmac.compare_digest(request.headers.get("Authorization", "").encode(), f"Bearer {token}".encode()):
        return True
    address = client_address(request)
    return address is not None and any(
        address in ipaddress.ip_network(network, strict=False) for network in settings.METRICS_NETWORKS
    )


def client_address(request: HttpRequest) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Who asks: the Nth of X-Forwarded-For from the right by TRUSTED_PROXIES (RULES 38), or who is connected to us where
    no proxy has left a sign.

    None where it cannot be known: what came through a proxy that nobody named looks as if it came from this machine.
    """
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    trusted = settings.TRUSTED_PROXIES
    if trusted and hops:
        text = hops[-trusted] if len(hops) >= trusted else ""
    else:
        text = "" if any(name in request.headers for name in _SIGNS_OF_A_PROXY) else request.META.get("REMOTE_ADDR", "")
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


# ---------------------------------------------------------------- reading


def exposition() -> bytes:
    """Everything, in Prometheus's text format."""
    note_process()
    state = health.health()
    now = CollectorRegistry()
    now.register(_Given(_health_metrics(state)))
    with _alone():
        _fold_the_dead()
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=str(FOLDER))
        counted = generate_latest(registry)
        provided = _provided(may_ask=state.database == "ok")
    return generate_latest(now) + counted + provided


class _Given:
    """A collector of metrics that are made already."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _health_metrics(state: health.Health) -> list[Metric]:
    up = GaugeMetricFamily("churnguard_up", "Whether a part of the site is as it should be.", labels=["part"])
    for part, found in state.parts.items():
        up.add_metric([part], float(found in ("ok", "none")))
    return [up]


def _provided(*, may_ask: bool) -> bytes:
    """What the providers say, from the file that all processes of the site share, or anew once that is too old."""
    path = Path(settings.METRICS_DIR) / "provided.prom"
    try:
        first, _, kept = path.read_bytes().partition(b"\n")
        written, cost = (float(number) for number in first.removeprefix(b"# ").split())
    except (OSError, ValueError):
        written, cost, kept = 0.0, 0.0, b""
    age = time.time() - written
    if may_ask and not 0 <= age < max(settings.METRICS_SECONDS, _KEPT_TIMES_ITS_COST * cost):
        try:
            kept, cost = _ask_providers()
        except Exception:  # a scrape must tell what is well when something is not
            logger.exception("what the database says of itself could not be read")
        else:
            age = 0.0
            fresh = path.with_suffix(".new")
            fresh.write_bytes(f"# {time.time()} {cost}\n".encode() + kept)
            fresh.replace(path)
    known = CollectorRegistry()
    if kept:
        about = GaugeMetricFamily("churnguard_stock_age_seconds", "How old the figures from the database are.")
        about.add_metric([], max(age, 0.0))
        took = GaugeMetricFamily(
            "churnguard_stock_seconds", "How long the database and the broker were asked for them."
        )
        took.add_metric([], cost)
        known.register(_Given([about, took]))
    return generate_latest(known) + kept


def _ask_providers() -> tuple[bytes, float]:
    started = time.monotonic()
    registry = CollectorRegistry()
    for provider in list(_providers.values()):
        registry.register(_Given(list(provider())))
    return generate_latest(registry), time.monotonic() - started


# ---------------------------------------------------------------- the folder of the counts


@contextmanager
def _alone() -> Iterator[None]:
    """One reader at a time: while files are folded a sum would be short, which Prometheus takes for a restart."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _fold_the_dead() -> None:
    """Add the counts of processes that ended to one file, and forget their gauges: else files pile up with every restart."""
    for path in FOLDER.glob("*_*.db"):
        kind, pid = path.stem.split("_")[0], path.stem.rsplit("_", 1)[1]
        if pid == "0" or not pid.isdigit() or _is_alive(int(pid)):
            continue
        found = [] if kind == "gauge" else list(MmapedDict.read_all_values_from_file(str(path)))
        # Gone before it is added: killed in between, counts are short by this once, not doubled for ever.
        path.unlink(missing_ok=True)
        if found:
            total = MmapedDict(str(FOLDER / f"{kind}_0.db"))
            for key, value, moment, _position in found:
                total.write_value(key, total.read_value(key)[0] + value, moment)
            total.close()


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
