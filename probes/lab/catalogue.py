"""The simulated devices: protocol -> class, imported when a scenario names the protocol."""

from __future__ import annotations

import difflib
from importlib import import_module
from inspect import signature
from typing import TYPE_CHECKING, cast

from supportctl.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from probes.lab.device import Device

DEVICES: dict[str, str] = {
    "escpos": "probes.lab.devices.escpos:EscposPrinter",
    "star": "probes.lab.devices.star:StarPrinter",
}
"""`module:Class`. A class that can be several models takes the keyword `model`."""


def make_device(protocol: str, model: str | None = None) -> Device:
    """Return a new healthy device.

    Raises:
        UsageError: the lab has no such device or no such model of it.
    """
    if protocol not in DEVICES:
        raise UsageError("lab.unknown-protocol", found=protocol, nearest=nearest(protocol, DEVICES))
    module, _, name = DEVICES[protocol].partition(":")
    make = getattr(import_module(module), name)
    if model is None:
        return cast("Device", make())
    if "model" not in signature(make).parameters or not (model.isascii() and model.isprintable()):
        raise UsageError("lab.unknown-model", found=model, protocol=protocol)
    return cast("Device", make(model=model))


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the names that `word` may have meant, else all of them."""
    names = sorted(known)
    return ", ".join(difflib.get_close_matches(word, names, 3, 0.5) or names) or "-"
