"""Who answers at a terminal: a screen where the terminal can show one, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from supportctl.cli.errors import error_texts
from supportctl.core.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playbooks.engine.executor import Since
    from playbooks.engine.graph import Graph
    from playbooks.engine.ports import Person
    from playbooks.engine.records import Header
    from supportctl.cli.playbook_words import Words
    from supportctl.core.errors import UsageError


@contextmanager
def at_terminal(
    words_of: Callable[[Graph, Header], Words], *, read_only: bool
) -> Iterator[Callable[[Graph, Header, Since], Person]]:
    """Give what makes the person of a run."""
    if os.environ.get("TERM", "") == "dumb" or not sys.stdout.isatty():
        yield lambda graph, header, since: _plain(graph, header, since, words_of, read_only=read_only)
        return
    from supportctl.cli.playbook_keys import keys
    from supportctl.cli.playbook_screen import Screen

    screens: list[Screen] = []
    with keys() as pressed:

        def person(graph: Graph, header: Header, since: Since) -> Person:
            words = words_of(graph, header)
            screens.append(Screen(words, pressed, since, header.run, read_only=read_only))
            return screens[-1]

        try:
            yield person
        finally:
            for screen in screens:
                screen.stop()


def _plain(
    graph: Graph, header: Header, since: Since, words_of: Callable[[Graph, Header], Words], *, read_only: bool
) -> Person:
    from supportctl.cli.playbook_plain import PlainPerson

    words = words_of(graph, header)

    def line(_step: str) -> str:
        try:
            return input("> ")
        except EOFError:
            return "pause"

    def refuse(_step: str, error: UsageError) -> None:
        texts = error_texts(words.catalog, error.key, error.args_by_name)
        click.echo(" ".join(texts[part] for part in ("message", "expected") if texts[part]), err=True)

    return PlainPerson(words, header.run, since, SystemClock(), line, refuse=refuse, read_only=read_only)
