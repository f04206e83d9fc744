"""What a verb of the on-call person would change, and what it has changed, for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resend.model import State
from supportctl.core.text import clean
from supportctl.report.presentable import text_of
from supportctl.report.resend.words import ResendWords
from supportctl.report.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from resend.ledger.hand import Preview, Verb
    from supportctl.catalog import Catalog
    from supportctl.report.resend.model import Ledger

_INDENT = "  "


def render_preview(verb: Verb, preview: Preview, ledger: Ledger, catalog: Catalog) -> str:
    """Return how many deliveries a verb would change, and which it would leave alone and why."""
    words = ResendWords(ledger, catalog)
    return text_of(_preview_lines(verb, preview, words))


def _preview_lines(verb: Verb, preview: Preview, words: ResendWords) -> Iterator[str]:
    yield words.count(f"preview-{verb}", preview.total)
    for destination, parts in _by_lane(preview.changed, words).items():
        yield _INDENT + words.say("preview-line", destination=clean(destination), parts=", ".join(parts))
    if preview.left:
        yield words.say("preview-left")
        for (destination, state), n in sorted(preview.left.items()):
            part = words.say("preview-part", number=words.number(n), state=words.state(state))
            why = words.say(f"left-{_left_why(verb, state)}")
            yield f"{_INDENT}{clean(destination)}: {part} ({why})"


def _by_lane(counts: Mapping[tuple[str, State], int], words: ResendWords) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for (destination, state), n in sorted(counts.items()):
        part = words.say("preview-part", number=words.number(n), state=words.state(state))
        found.setdefault(destination, []).append(part)
    return found


def _left_why(verb: Verb, state: State) -> str:
    if state is State.DELIVERED and verb == "now":
        return "delivered"
    if state is State.SENDING:
        return "sending"
    if state in {State.WAITING, State.VERIFYING} and verb == "now":
        return "due"
    already = {"hold": State.HELD, "cancel": State.CANCELLED}.get(verb)
    return "unneeded" if state is already else "other"


def render_done(verb: Verb, changed: int, catalog: Catalog, *, dry_run: bool) -> str:
    """Return what a verb has done, and how to undo it."""
    if dry_run or not changed:
        return catalog.phrase("resend.dry-run" if dry_run else "resend.nothing-done") + "\n"
    number = f"{changed:,}" if catalog.lang == "en" else f"{changed:,}".replace(",", "\N{NO-BREAK SPACE}")
    lines = [counted(catalog, f"resend.done-{verb}", changed, number=number)]
    if verb != "now":
        lines.append(catalog.phrase(f"resend.undo-{verb}"))
    return "\n".join(lines) + "\n"
