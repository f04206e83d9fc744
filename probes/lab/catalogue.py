"""The simulated devices: protocol -> class, imported when a scenario names the protocol."""

from __future__ import annotations

from importlib import import_module
from inspect import signature
from typing import TYPE_CHECKING, cast

from supportctl.core.clock import SystemClock
from supportctl.core.errors import UsageError
from supportctl.core.nearest import nearest

if TYPE_CHECKING:
    from probes.lab.device import Device

DEVICES: dict[str, str] = {
    "escpos": "probes.lab.devices.escpos:EscposPrinter",
    "star": "probes.lab.devices.star:StarPrinter",
    "toledo8217": "probes.lab.devices.toledo8217:Toledo8217Scale",
    "sma": "probes.lab.devices.sma:SmaScale",
    "cas": "probes.lab.devices.cas:CasScale",
    "massak": "probes.lab.devices.massak:MassaKScale",
    "shtrihscale": "probes.lab.devices.shtrihscale:ShtrihScale",
    "utm": "probes.lab.devices.utm:TransportModule",
    "marking": "probes.lab.devices.marking:LocalModule",
    "ofd": "probes.lab.devices.ofd_host:OperatorHost",
    "shtrih": "probes.lab.devices.shtrih:ShtrihRegister",
    "datecs": "probes.lab.devices.datecs:DatecsRegister",
    "tremol": "probes.lab.devices.tremol:TremolRegister",
    "cgi": "probes.lab.devices.cgi_register:CgiRegister",
    "scanner": "probes.lab.devices.scanner:Scanner",
    "zvt": "probes.lab.devices.zvt:ZvtTerminal",
    "telium": "probes.lab.devices.telium:TeliumTerminal",
    "sip": "probes.lab.devices.sip_phone:SipExchange",
    "stun": "probes.lab.devices.stun_server:StunServer",
    "atol": "probes.lab.devices.atol_web:AtolWebServer",
    "atol2": "probes.lab.devices.atol_wire:Atol2Register",
    "atol3": "probes.lab.devices.atol_wire:Atol3Register",
}
"""`module:Class`. A class that can be several models takes the keyword `model`; one that has a clock is given
`wall`, which returns the time of day: a device itself imports no clock."""


def make_device(protocol: str, model: str | None = None) -> Device:
    """Return a new healthy device.

    Raises:
        UsageError: the lab has no such device or no such model of it.
    """
    if protocol not in DEVICES:
        raise UsageError("lab.unknown-protocol", found=protocol, nearest=nearest(protocol, DEVICES))
    module, _, name = DEVICES[protocol].partition(":")
    make = getattr(import_module(module), name)
    takes = signature(make).parameters
    given: dict[str, object] = {"wall": SystemClock().now} if "wall" in takes else {}
    if model is not None:
        if "model" not in takes or not (model.isascii() and model.isprintable()):
            raise UsageError("lab.unknown-model", found=model, protocol=protocol)
        given["model"] = model
    return cast("Device", make(**given))
