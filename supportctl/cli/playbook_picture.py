"""What the screen of a run looks like at one moment, from top to bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.console import Group
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from playbooks.engine.planner import deadline_at
from supportctl.cli.playbook_words import minutes_and_seconds
from supportctl.core.finding import Status

if TYPE_CHECKING:
    from playbooks.engine.state import State
    from supportctl.cli.playbook_words import Scene, Words

_NEAR_S = 90.0  # from then on the clock of no progress is shown
_FOUND = 4  # lines
_COLOURS = {Status.FAULT: "red", Status.WARNING: "yellow", Status.UNKNOWN: "magenta"}
_MARKS = {Status.FAULT: "✗", Status.WARNING: "!", Status.UNKNOWN: "?"}


class Shown(NamedTuple):
    """What there is to see. `typed` is None where no line is typed."""

    scene: Scene | None
    state: State
    notices: tuple[str, ...]
    trouble: str
    typed: str | None
    helping: bool


def drawn(shown: Shown, words: Words, *, now: float, width: int) -> Group:
    """Return the picture; `now` is seconds since the run began, `width` that of the terminal."""
    scene = shown.scene
    parts: list[object] = [_head(shown.state, words, now), Rule(style="dim"), Text()]
    if scene is not None:
        parts += _sentence(scene)
    parts += [Text(notice, style="cyan") for notice in shown.notices]
    parts += [_found(shown.state, words), Text()]
    if shown.trouble:
        parts.append(Text(shown.trouble, style="bold red"))
    if shown.typed is not None:
        parts.append(Text(words.say("typed", text=f"{shown.typed}▏"), style="bold"))
    if shown.helping:
        parts.append(Text(words.say("help"), style="dim"))
    if scene is not None and scene.kind != "busy":
        parts += [Rule(style="dim"), *(Text(line, style="dim") for line in words.keys(scene, width - 2))]
    return Group(*(Padding(part, (0, 1)) for part in parts))  # type: ignore[arg-type]


def _head(state: State, words: Words, now: float) -> Table:
    clock = Text(
        words.say("clock", spent=minutes_and_seconds(now), budget=minutes_and_seconds(state.budget_s)),
        style="bold",
    )
    head = Table.grid(expand=True)
    head.add_column(ratio=1, overflow="ellipsis", no_wrap=True)
    head.add_column(justify="right", no_wrap=True)
    head.add_row(Text(words.title), clock)
    until = deadline_at(state)
    left = state.progress_at + state.no_progress_s - now
    if until is not None and left < _NEAR_S:
        warning = words.say("no-progress", left=minutes_and_seconds(left))
        head.add_row(Text(warning, style="yellow"), Text())
    return head


def _sentence(scene: Scene) -> list[object]:
    if scene.kind == "busy":
        return [Padding(Text(scene.text, style="dim italic"), (1, 2))]
    body: list[object] = [Text(scene.text, style="bold")]
    if scene.options:
        body.append(Text())
        body += [Text(f"{number}  {option}") for number, option in enumerate(scene.options, 1)]
    parts: list[object] = [
        Panel(
            Padding(Group(*body), (1, 2)),  # type: ignore[arg-type]
            title=Text(scene.label),
            title_align="left",
            border_style="cyan" if scene.kind != "consent" else "yellow",
        )
    ]
    return [*parts, *(Text(note, style="dim") for note in scene.notes)]


def _found(state: State, words: Words) -> Group:
    lines = [
        Text.assemble((f"{_MARKS.get(status, '·')} ", _COLOURS.get(status, "")), line)
        for status, line in words.found(state, _FOUND)
    ]
    return Group(*lines)
