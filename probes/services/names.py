"""The data files beside this module, each read once."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def table(name: str) -> dict[str, Any]:  # TOML has any shape; each file's is described at its head
    """Return what a TOML file of this room holds."""
    text: dict[str, Any] = tomllib.loads((files("probes.services") / name).read_text(encoding="utf-8"))
    return text
