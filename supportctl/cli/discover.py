"""supportctl discover."""

from __future__ import annotations

import contextlib
import json
import sys
from typing import TYPE_CHECKING

import click

from supportctl.cli.options import common_options, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from supportctl.app.discover import Discovered, Discovery
    from supportctl.catalog import Catalog

SCHEMA = "supportctl.discovery/1"
_DETAILS = ("maker", "model", "serial", "firmware")


@click.command()
@click.option("--serial", "ask_serial", is_flag=True, help="Ask each free serial port which device answers.")
@click.option(
    "--lan", metavar="CIDR", help="Look for printers and registers in this network: 192.168.1.0/24."
)
@click.option("--write", is_flag=True, help="Add the devices that were identified to the configuration.")
@click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text", help="Form of the answer."
)
@common_options
@click.pass_context
def discover(context: click.Context, lan: str | None, format_: str, *, ask_serial: bool, write: bool) -> int:
    """Find devices, read-only.

    Without options: the serial ports and the services of the till on this computer; nobody is asked anything.

    Exit codes: 0 something was found, 5 nothing was.
    """
    from supportctl.app.discover import run_discover, write_found

    chosen = settings(context)
    with _progress(chosen.catalog, lan) as on_progress:
        discovery = run_discover(lan=lan, ask_serial=ask_serial, on_progress=on_progress)
    written = write_found(discovery, chosen.config) if write else None
    if format_ == "json":
        whole = document(discovery)
        if written:
            whole["written"] = {
                "file": str(written[0]),
                "targets": [{"name": target.name, "url": target.url} for target in written[1]],
            }
        click.echo(json.dumps(whole, ensure_ascii=False, indent=2))
    else:
        _tell(discovery, chosen.catalog)
        if written:
            for target in written[1]:
                click.echo(chosen.catalog.phrase("discover.added", name=target.name, url=target.url))
            count = len(written[1])
            click.echo(chosen.catalog.phrase("discover.written", path=written[0], count=count))
    return _exit_code(discovery)


def _exit_code(discovery: Discovery) -> int:
    from supportctl.core.errors import EXIT_OK, EXIT_UNKNOWN

    return EXIT_OK if discovery.found else EXIT_UNKNOWN


@contextlib.contextmanager
def _progress(catalog: Catalog, lan: str | None) -> Iterator[Callable[[int, int], None]]:
    if lan is None or not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console

    with Console(stderr=True).status(catalog.phrase("discover.scanning", network=lan)):
        yield lambda _done, _total: None


def document(discovery: Discovery) -> dict[str, object]:
    """Return what was found for scripts."""
    scan = discovery.scan
    return {
        "schema": SCHEMA,
        "devices": [_device(item) for item in discovery.found],
        "network": {"connections": scan.tried, "left": scan.left} if scan else None,
    }


def _device(item: Discovered) -> dict[str, object]:
    place, identity, target = item.place, item.identity, item.target
    return {
        "url": target.url if target else place.url,
        "where": place.kind,
        "identified": target is not None,
        "protocol": target.protocol if target else None,
        "likely_protocols": list(place.protocols),
        "likely": place.likely or None,
        "usb": place.usb or None,
        "held_by": place.held_by or None,
        "settings": (identity.settings if identity else "") or None,
        **{name: identity.details.get(name) if identity else None for name in _DETAILS},
        "why_not": (identity.why if identity else "not-asked") or None,
    }


def _tell(discovery: Discovery, catalog: Catalog) -> None:
    if not discovery.found:
        click.echo(catalog.phrase("discover.nothing"))
    for item in discovery.found:
        click.echo(f"{(item.target or item.place).url}  {_description(item, catalog)}")
    if discovery.scan and discovery.scan.left:
        click.echo(catalog.phrase("discover.incomplete", left=discovery.scan.left))


def _description(item: Discovered, catalog: Catalog) -> str:
    place, identity = item.place, item.identity
    words = [place.usb, place.likely if place.kind == "serial" else ""]
    if place.held_by:
        words.append(catalog.phrase("discover.held", by=place.held_by))
    if identity and identity.found:
        told = " ".join(identity.details.get(name, "") for name in ("maker", "model")).strip()
        words += [catalog.phrase(f"discover.speaks-{identity.found.protocol}"), told, identity.settings]
    elif identity and place.protocols and place.kind != "serial":
        words.append(catalog.phrase("discover.unidentified-port", protocols=", ".join(place.protocols)))
    elif identity:
        words.append(catalog.phrase("discover.unidentified"))
    elif place.kind != "serial":
        kind = place.likely or "service"
        words.append(catalog.phrase(f"discover.likely-{kind}", protocols=", ".join(place.protocols) or "-"))
    return ", ".join(word for word in words if word)
