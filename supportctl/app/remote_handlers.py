"""What a session can do where supportctl is installed: its configuration, its ports, its probes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from supportctl.app.remote_bundle import Bundles
from supportctl.core.clock import SystemClock
from supportctl.core.finding_json import document_of
from supportctl.remote.work import about, identity_document, ports, progress_of, target_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from supportctl.core.clock import Clock
    from supportctl.core.site import SiteConfig
    from supportctl.remote.server import Call
    from supportctl.remote.work import Handler


def remote_handlers(
    config: Path | None = None,
    clock: Clock | None = None,
    hosts: Collection[str] = (),
    *,
    probes: bool = True,
) -> dict[str, Handler]:
    """Return the methods that observe and probe, by name.

    `hosts` are machines beyond the local network that a session may ask; those of the configuration may be.
    Without `probes` a bundle asks no device: the gate does not see what it does inside.
    """
    clock = clock or SystemClock()
    return {
        **Bundles(config, clock, probes=probes).handlers(),
        "about": lambda _params, _call: _about(config),
        "ports": lambda _params, _call: {"ports": ports()},
        "check": lambda params, call: _check(params, call, config, clock, hosts),
        "identify": lambda params, call: _identify(params, call, config, clock, hosts),
    }


def _about(config: Path | None) -> dict[str, Any]:
    site = _site(config)
    targets = [{"name": entry.name, "url": entry.target().url} for entry in site.targets] if site else []
    told = {"site": site.site.id, "site_name": site.site.name} if site else {}
    return {**about(), **told, "targets": targets}


def _check(
    params: Mapping[str, Any], call: Call, config: Path | None, clock: Clock, hosts: Collection[str]
) -> Mapping[str, Any]:
    from supportctl.app.check import DEFAULT_DEADLINE_S, CheckRequest, look
    from supportctl.catalog import Catalog

    site = _site(config)
    words = params.get("targets", ())
    for word in words:
        _bounded(word, site, hosts)
    deadline_s = min(params.get("deadline", DEFAULT_DEADLINE_S), call.deadline.remaining())
    globs = (params.get("only", ()), params.get("skip", ()))
    request = CheckRequest("en", words, *globs, deadline_s, config)
    started = clock.now()
    looked = look(request, site, Catalog("en"), clock, progress_of(call))
    return {
        "findings": [document_of(finding) for finding in looked.findings],
        "duration_s": round(looked.duration_s, 3),
        "interrupted": looked.interrupted,
        "started_at": (started.astimezone(looked.timezone) if looked.timezone else started).isoformat(),
        "site": site.site.id if site else None,
        "site_name": site.site.name if site else None,
    }


def _identify(
    params: Mapping[str, Any], call: Call, config: Path | None, clock: Clock, hosts: Collection[str]
) -> Mapping[str, Any]:
    from supportctl.app.discover import run_identify

    word = params["target"]
    _bounded(word, _site(config), hosts)
    found = run_identify(word, config=config, deadline_s=call.deadline.remaining(), clock=clock)
    return {"identity": identity_document(found)}


def _bounded(word: str, site: SiteConfig | None, hosts: Collection[str]) -> None:
    """Refuse a URL from the wire that leads elsewhere; a name is the configuration's own."""
    if "://" in word:
        known = {entry.target().host for entry in site.targets} if site else set()
        target_of(word, {*hosts, *known} - {""})


def _site(config: Path | None) -> SiteConfig | None:
    from supportctl.app.config_file import load_config

    return load_config(config)
