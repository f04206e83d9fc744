"""A run is handed over: its packet is written first, then people are told; the packet is never lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from playbooks.engine.journal import replay
from playbooks.engine.state import Outcome
from supportctl.app.config_file import find_config, read_config
from supportctl.app.playbook import read_run
from supportctl.app.playbook_packet import Packet, write_packet
from supportctl.app.playbook_tell import ToldPeople, tell
from supportctl.core.clock import SystemClock
from supportctl.report.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playbooks.engine.graph import Graph
    from playbooks.engine.journal import Record
    from supportctl.app.config_file import Configuration
    from supportctl.catalog import Catalog
    from supportctl.core.clock import Clock


class HandedOver(NamedTuple):
    """A packet, and who was told of it; `told` is None where nobody was to be told."""

    packet: Packet
    told: ToldPeople | None


def hand_over(
    record: Record,
    graph: Graph,
    lang: str,
    configuration: Configuration | None,
    clock: Clock,
    *,
    telling: bool = True,
) -> HandedOver:
    """Write the packet of a run, then tell people of it; `telling` False leaves that out (`--no-tell`).

    Safe at any time and again: a packet is replaced, and people hear only what is new.

    Raises:
        SupportctlError: `handover.unwritable`: there is no packet.
    """
    packet = write_packet(record, graph, lang, configuration, clock)
    config = configuration.config if configuration else None
    return HandedOver(packet, tell(config, packet, clock) if telling and config is not None else None)


def hand_over_run(
    word: str,
    lang: str,
    config_path: Path | None,
    *,
    telling: bool = True,
    passed_over: Callable[[Path], None] = lambda _path: None,
) -> HandedOver | None:
    """Hand over a run of this computer by its id; None: it was not handed over, or nothing was meant.

    Raises:
        UsageError: there is no such run, or its playbook has changed.
        SupportctlError: `handover.unwritable`.
    """
    opened, record = read_run(word, config_path, passed_over=passed_over)
    finish = replay(opened.graph, record).finish
    if finish is None or finish.outcome is not Outcome.HANDED_OVER or record.header.dry_run:
        return None
    found = find_config(config_path)
    configuration = read_config(found) if found is not None else None
    return hand_over(record, opened.graph, lang, configuration, SystemClock(), telling=telling)


def lines(handed: HandedOver, catalog: Catalog, settle_s: float = 60.0) -> list[str]:
    """Return what the supporter is told of it."""
    packet, told = handed
    run = packet.handover.run

    def say(key: str, **args: object) -> str:
        return catalog.phrase(f"handover.{key}", **args)

    found = [say("packet-at", path=packet.markdown), say("bundle-at", path=packet.bundle)]
    if told is None:
        return found
    if told.issue is not None:
        found.append(say("told-issue", tracker=told.tracker, number=told.issue.number, link=told.issue.link))
    if told.chats:
        found.append(counted(catalog, "handover.told-chats", told.chats))
    found += [say("not-told", place=place, error=words, run=run) for place, words in told.failed.items()]
    found += [say("not-told-unclear", place=each, seconds=round(settle_s), run=run) for each in told.unclear]
    return [*found, say("told-nobody")] if told.nobody else found
