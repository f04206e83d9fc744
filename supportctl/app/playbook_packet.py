"""The packet for the next line: Markdown, JSON and a bundle beside the journal of the run.

All of it passes `scrubbed` before it is written, with every secret of the configuration known to it.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from pydantic import BaseModel

from supportctl.app import bundle_zip
from supportctl.app.bundle_zip import described, packed
from supportctl.app.config_problems import secrets_in_place
from supportctl.app.config_view import view
from supportctl.app.playbook_report import report_of
from supportctl.catalog import Catalog
from supportctl.core.errors import SupportctlError
from supportctl.core.run_report import HANDOVER_SCHEMA, Handover, NotCollected, RunReport
from supportctl.core.scrubbing import remember_forms, scrubbed, scrubbed_text
from supportctl.core.secret_patterns import is_secret_name
from supportctl.core.secrets import SCHEME, resolve
from supportctl.report.playbook.as_html import render_html
from supportctl.report.playbook.as_json import render_json
from supportctl.report.playbook.as_markdown import render_markdown
from supportctl.report.playbook.presentable import presentable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playbooks.engine.graph import Graph
    from playbooks.engine.journal import Record
    from supportctl.app.config_file import Configuration
    from supportctl.core.clock import Clock
    from supportctl.core.site import SiteConfig

MANIFEST_SCHEMA = "supportctl.run-bundle/1"
MAX_MEMBER = 4 * 1024 * 1024  # bytes, unpacked
_ASKS_A_PERSON = f"{SCHEME}keyring/"  # resolving may open a window; what was used in the run is known already


class Packet(NamedTuple):
    """What was written. `handover` and `told`, the report for people elsewhere, have no secrets in them.

    `told` is in the language of `escalation.language`, else in that of the run.
    """

    markdown: Path
    document: Path
    bundle: Path
    handover: Handover
    told: RunReport


def write_packet(
    record: Record, graph: Graph, lang: str, configuration: Configuration | None, clock: Clock
) -> Packet:
    """Write the packet of a run beside its journal, readable by its owner only; a newer one replaces it.

    Raises:
        SupportctlError: `handover.unwritable`.
    """
    config = configuration.config if configuration else None
    if config is not None:
        learn_secrets(config)
    catalog = Catalog(lang)
    name = config.site.name if config else None
    report = presentable(report_of(record, graph, catalog, name))
    base = record.path.with_name(f"{record.path.stem}.packet")
    bundle = record.path.with_name(f"{record.path.stem}.bundle.zip")
    markdown = render_markdown(report, catalog, bundle=bundle.name)
    members, left = _collect(record, report, configuration, catalog)
    members["packet.md"] = markdown.encode()
    files = tuple(described(file, data) for file, data in members.items())
    handover = Handover(
        schema=HANDOVER_SCHEMA,
        run=report.run,
        made_at=clock.now().isoformat(timespec="seconds"),
        to=report.to,
        stops_sales=report.stops_sales(),
        resume=report.next_step.command,
        report=report,
        files=files,
        not_collected=left,
    )
    document = render_json(handover).encode()
    if len(document) <= MAX_MEMBER:
        members["packet.json"] = document
    people = (config.escalation.language if config else None) or record.header.language
    told = report if people == lang else presentable(report_of(record, graph, Catalog(people), name))
    packet = Packet(Path(f"{base}.md"), Path(f"{base}.json"), bundle, handover, told)
    write_private(packet.markdown, members["packet.md"])
    write_private(packet.document, document)
    write_private(packet.bundle, _zipped(members, handover))
    return packet


def learn_secrets(config: SiteConfig) -> None:
    """Make every secret of a configuration known to the redaction, whatever form it takes elsewhere."""
    for path in secrets_in_place(config):
        node: Any = config  # models, mappings and tuples
        for part in path:
            node = getattr(node, str(part)) if isinstance(node, BaseModel) else node[part]
        remember_forms(str(node))
    for text in _texts(config.model_dump(mode="json", exclude_none=True)):
        if text.startswith(SCHEME) and not text.startswith(_ASKS_A_PERSON):
            with suppress(SupportctlError, OSError):  # what is not there cannot leak
                remember_forms(resolve(text))
    for entry in config.targets:
        with suppress(ValueError):
            address = urlsplit(str(entry.url))
            remember_forms(address.password or "")
            for name, value in parse_qsl(address.query):
                if is_secret_name(name) and not value.startswith(SCHEME):
                    remember_forms(value)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _collect(
    record: Record, report: RunReport, configuration: Configuration | None, catalog: Catalog
) -> tuple[dict[str, bytes], tuple[NotCollected, ...]]:
    """Return the files of the bundle, and what is not in it."""

    def say(key: str, **args: object) -> str:
        return catalog.phrase(f"handover.{key}", **args)

    members: dict[str, bytes] = {}
    left = [NotCollected(say("thing-logs"), say("left-logs"))]
    found: dict[str, bytes | None] = {
        "journal.jsonl": _journal(record.path),
        "report.html": render_html(report, catalog).encode(),
        "configuration.json": _configuration(configuration),
        "version.txt": f"supportctl {report.tool_version}\n".encode(),
    }
    for name, data in found.items():
        if data is None:
            config = name == "configuration.json"
            left.append(
                NotCollected(
                    say("thing-config") if config else name, say("left-config" if config else "left-missing")
                )
            )
        elif len(data) > MAX_MEMBER:
            left.append(NotCollected(name, say("left-big", size=len(data))))
        else:
            members[name] = data
    photos = (asked for asked in report.questions if asked.kind == "photo" and asked.answer)
    left += [NotCollected(str(asked.answer), say("left-photo")) for asked in photos]
    return members, tuple(left)


def _journal(path: Path) -> bytes | None:
    """Return the journal line by line without secrets; a line that is no JSON stays a line."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            text = file.read(2 * MAX_MEMBER)
    except OSError:
        return None
    lines = []
    for line in text.splitlines():
        try:
            document = scrubbed(json.loads(line))
        except (ValueError, RecursionError):
            lines.append(scrubbed_text(line))
        else:
            lines.append(json.dumps(document, ensure_ascii=False, separators=(",", ":")))
    return "\n".join([*lines, ""]).encode("utf-8", "backslashreplace")


def _configuration(configuration: Configuration | None) -> bytes | None:
    if configuration is None or configuration.config is None:
        return None
    document, _ = view(configuration)
    return (json.dumps(scrubbed(document), ensure_ascii=False, indent=2) + "\n").encode()


def _zipped(members: dict[str, bytes], handover: Handover) -> bytes:
    manifest = {
        "schema": MANIFEST_SCHEMA,
        "run": handover.run,
        "made_at": handover.made_at,
        "files": [asdict(described(name, data)) for name, data in members.items()],
        "not_collected": [{"what": each.what, "why": each.why} for each in handover.not_collected],
    }
    return packed(handover.run, members, manifest)


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner reads: whole, or not at all.

    Raises:
        SupportctlError: `handover.unwritable`.
    """
    try:
        bundle_zip.write_private(path, data)
    except OSError as error:
        raise SupportctlError("handover.unwritable", found=path, reason=error.strerror or error) from None
