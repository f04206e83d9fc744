"""Which TCP ports belong to till devices: a table, and what follows from it."""

from __future__ import annotations

import tomllib
from functools import cache
from typing import NamedTuple

from supportctl.core.data import beside


class Family(NamedTuple):
    """One port: what listens there. `ask`: it may be asked; `local`: worth a look on this computer."""

    number: int
    protocol: str
    kind: str
    ask: bool = False
    local: bool = False


@cache
def families() -> tuple[Family, ...]:
    """Return the table, in the order in which ports are tried."""
    rows = tomllib.loads(beside(__name__, "families.toml").decode("utf-8"))["port"]
    return tuple(Family(**row) for row in rows)


def lan_ports() -> tuple[int, ...]:
    """Return the ports that a scan of the network looks at: those of devices, not of local services."""
    return tuple(family.number for family in families() if family.kind != "service")


def family_of(port: int) -> Family | None:
    """Return what belongs to a port."""
    return next((family for family in families() if family.number == port), None)
