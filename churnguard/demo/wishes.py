"""What a person asks of the demonstration, and the one line where it cannot be."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from core.embedded.processes import LOOPBACK, port_is_free

# Under a hundred nobody can learn anything (predictions.learning asks as many); the sample has numbers for ten million.
FEWEST, MOST = 100, 10_000_000
# Measured on SQLite: a customer with a year of use, contacts and one scoring takes 3.3 kB; later scorings and the journal add.
BYTES_PER_CUSTOMER = 5_000
BYTES_TO_START = 200_000_000


class Unwilling(Exception):
    """The demonstration does not start; the text is one line for a person."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What to serve and where."""

    port: int
    customers: int
    data: Path | None = None

    @property
    def address(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"


def understood(*, port: str, customers: str, data: str | None) -> Wish:
    """The words of the command line as a Wish; raises Unwilling."""
    return Wish(
        port=_whole_number("PORT", port, 1, 65_535),
        customers=_whole_number("CUSTOMERS", customers, FEWEST, MOST),
        data=Path(data).expanduser() if data else None,
    )


def _whole_number(name: str, text: str, least: int, most: int) -> int:
    digits = text.strip().replace("_", "").replace(",", "")
    if not (digits.isascii() and digits.isdigit()) or not least <= int(digits) <= most:
        raise Unwilling(f"{name} takes a whole number from {least} to {most:,}, not “{text}”.")
    return int(digits)


def require_free_port(wish: Wish) -> None:
    if not port_is_free(wish.port):
        other = wish.port + 1 if wish.port < 65_535 else 8_000
        raise Unwilling(
            f"Port {wish.port} cannot be used, another program listens there: end it, or choose another port: "
            f"make demo PORT={other}"
        )


def require_space(folder: Path, wish: Wish) -> None:
    """Refuse what the disk cannot hold; ``folder`` exists."""
    needed = BYTES_TO_START
    needed += 3 * wish.data.stat().st_size if wish.data and wish.data.is_file() else 0
    needed += 0 if wish.data else BYTES_PER_CUSTOMER * wish.customers
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise Unwilling(
            f"Not enough disk space at {folder}: {free / 1e9:.1f} GB free, about {needed / 1e9:.1f} GB needed."
        )


def require_development(environment: str) -> None:
    if environment == "production":
        raise Unwilling(
            "The demonstration has accounts with a known password, so it does not run with DJANGO_ENV=production."
        )


def require_front_end(root: Path) -> None:
    if not (root / "static" / "built" / "app.css").exists():
        raise Unwilling("The front end is not built: run `make setup` first.")
