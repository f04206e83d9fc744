"""supportctl lab up, lab down, lab fault, lab faults."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from supportctl.cli.options import common_options, settings
from supportctl.core.errors import SupportctlError, UsageError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from supportctl.catalog import Catalog

Document = dict[str, Any]  # supportctl.lab/1, as JSON has it
_WIDTH = 100
_format_option = click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text", help="Form of the answer."
)


def _complete(parameter: click.Parameter, context: click.Context) -> list[str]:
    from supportctl.app.lab import lab_status

    try:
        devices = _all(lab_status())
    except SupportctlError:
        return []
    if parameter.name == "device":
        return [device["name"] for device in devices]
    chosen = [device for device in devices if device["name"] == context.params.get("device")]
    return [fault["name"] for device in chosen for fault in device["faults"]]


def _completions(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(name) for name in _complete(parameter, context) if name.startswith(incomplete)]


@click.group()
@common_options
def lab() -> None:
    """Start a simulated shop, and switch faults of its devices and portals on and off."""


@lab.command()
@click.option("--scenario", default="shop", metavar="FILE",
              help="A scenario file, or a built-in one: shop, bad-day (default: shop).")  # fmt: skip
@click.option("--detach", is_flag=True, help="Start it in the background; `lab down` stops it.")
@click.option("--write-config", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write a configuration that names the devices to this file.")  # fmt: skip
@_format_option
@click.option("--for-parent", is_flag=True, hidden=True)
@common_options
@click.pass_context
def up(
    context: click.Context,
    scenario: str,
    write_config: Path | None,
    format_: str,
    *,
    detach: bool,
    for_parent: bool,
) -> None:
    """Start the simulated shop; it runs until Ctrl-C.

    Its devices answer on loopback ports and pseudo-terminals, its portals on loopback ports. Nothing outside
    this computer can reach them.
    """
    from supportctl.app.lab import serve_for_parent, start_detached

    catalog = settings(context).catalog
    if for_parent:
        serve_for_parent(scenario, write_config)
    elif detach:
        _tell_up(start_detached(scenario, write_config), format_, catalog, detached=True)
    else:
        from supportctl.app.lab_host import LabHost

        with LabHost(scenario, write_config) as host:
            _tell_up(host.document(), format_, catalog, detached=False)
            host.wait()


@lab.command()
@_format_option
@common_options
@click.pass_context
def down(context: click.Context, format_: str) -> None:
    """Stop the simulated shop, and remove what a dead one has left."""
    from supportctl.app.lab import stop_lab

    stopped = stop_lab()
    if format_ == "json":
        _tell_json({"schema": "supportctl.lab-stopped/1", **stopped._asdict()})
        return
    catalog = settings(context).catalog
    if stopped.was_dead:
        click.echo(catalog.phrase("lab.cleaned-up", pid=stopped.pid))
    else:
        click.echo(catalog.phrase("lab.stopped", pid=stopped.pid))


@lab.command()
@click.argument("device", shell_complete=_completions)
@click.argument("fault", shell_complete=_completions, required=False)
@click.option("--clear", is_flag=True, help="Switch it off; without FAULT: all faults of the device.")
@_format_option
@common_options
@click.pass_context
def fault(context: click.Context, device: str, fault: str | None, format_: str, *, clear: bool) -> None:
    """Switch a FAULT of a DEVICE on, or off with --clear. `lab faults` lists both."""
    from supportctl.app.lab import switch_fault

    if fault is None and not clear:
        raise UsageError("usage.missing", expected="FAULT", command="supportctl lab fault")
    found = switch_fault(device, fault, on=not clear)
    if format_ == "json":
        _tell_json({"schema": "supportctl.lab-device/1", **found})
        return
    catalog = settings(context).catalog
    active = ", ".join(f["name"] for f in found["faults"] if f["active"])
    if active:
        click.echo(catalog.phrase("lab.device-faults", device=device, faults=active))
    else:
        click.echo(catalog.phrase("lab.device-healthy", device=device))


@lab.command()
@_format_option
@common_options
@click.pass_context
def faults(context: click.Context, format_: str) -> None:
    """List the devices of the running shop, their faults, and which are switched on."""
    from supportctl.app.lab import lab_status

    document = lab_status()
    if format_ == "json":
        _tell_json(document)
        return
    catalog = settings(context).catalog
    click.echo("\n\n".join("\n".join(_faults(device, catalog)) for device in _all(document)))


def _tell_up(document: Document, format_: str, catalog: Catalog, *, detached: bool) -> None:
    if format_ == "json":
        _tell_json(document)
        return
    end = "supportctl lab down" if detached else catalog.phrase("lab.end-here")
    what_next = [(catalog.phrase("lab.to-check"), document["check"])]
    if document["sync"]:
        what_next.append((catalog.phrase("lab.to-compare"), document["sync"]))
    what_next += [
        (catalog.phrase("lab.to-break"), f"supportctl lab fault {_suggestion(_all(document))}"),
        (catalog.phrase("lab.to-end"), end),
    ]
    wide = max(len(label) for label, _ in what_next)
    lines = [catalog.phrase("lab.open", scenario=document["scenario"], pid=document["pid"])]
    lines += _table(_all(document), catalog)
    lines += [f"{label:{wide}}  {words}" for label, words in what_next]
    click.echo("\n".join(lines))


def _suggestion(devices: list[Document]) -> str:
    """Return a device that is healthy, if there is one, and a fault that everybody understands."""
    device = next((d for d in devices if not any(f["active"] for f in d["faults"])), devices[0])
    names = [f["name"] for f in device["faults"]]
    return f"{device['name']} {'paper-out' if 'paper-out' in names else names[0]}"


def _table(devices: list[Document], catalog: Catalog) -> list[str]:
    rows = [
        (target["name"], target["url"], ", ".join(f["name"] for f in device["faults"] if f["active"]))
        for device in devices
        for target in _targets(device)
    ]
    wide, long = (max(len(row[column]) for row in rows) for column in (0, 1))
    healthy = catalog.phrase("lab.healthy")
    return [f"  {name:{wide}}  {url:{long}}  {active or healthy}" for name, url, active in rows]


def _faults(device: Document, catalog: Catalog) -> list[str]:
    from supportctl.report.layout import wrap

    lines = [f"{device['name']}  {' '.join(target['url'] for target in _targets(device))}"]
    on = [f["name"] for f in device["faults"] if f["active"]]
    if on:
        lines += wrap(", ".join(on), _WIDTH, f"  {catalog.phrase('lab.faults-on')} ")
    for heading, of in (
        (catalog.phrase("lab.faults-of-device"), "device"),
        (catalog.phrase("lab.faults-of-wire"), "wire"),
        (catalog.phrase("lab.faults-of-portal"), "portal"),
    ):
        off = [f["name"] for f in device["faults"] if f["of"] == of and not f["active"]]
        lines += wrap(", ".join(off), _WIDTH, f"  {heading} ") if off else []
    return lines


def _all(document: Document) -> list[Document]:
    """Return the devices, then the portals."""
    return [*document["devices"], *document["portals"]]


def _targets(device: Document) -> list[Document]:
    """Return where it can be asked; a portal has one address, shown with its kind."""
    if "targets" in device:
        return list(device["targets"])
    return [{"name": device["name"], "url": f"{device['kind']} {device['url']}"}]


def _tell_json(document: Document) -> None:
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))
