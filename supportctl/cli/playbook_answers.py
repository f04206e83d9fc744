"""Answers from a file: a list, one item a question; `{STEP: ANSWER}` says for which step an item is."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, NamedTuple

from supportctl.cli.errors import error_texts
from supportctl.cli.playbook_plain import PlainPerson
from supportctl.core.clock import SystemClock
from supportctl.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playbooks.engine.executor import Since
    from playbooks.engine.graph import Graph
    from playbooks.engine.ports import Person
    from playbooks.engine.records import Header
    from supportctl.cli.playbook_words import Words
    from supportctl.reading.yaml_tree import Node


class Item(NamedTuple):
    """One answer, and where it stands. `step` is "" if it is for whatever is asked."""

    where: str
    step: str
    text: str


def read_answers(path: Path) -> list[Item]:
    """Return the answers of a file.

    Raises:
        UsageError: it cannot be read, or is no list of plain values.
    """
    from supportctl.reading.text_file import read_text
    from supportctl.reading.yaml_tree import read_tree

    try:
        text = read_text(path)
    except UsageError as error:  # in the words of a configuration
        reason = error.args_by_name.get("reason") or error.key.removeprefix("config.")
        if error.key == "config.not-found":
            reason = os.strerror(errno.ENOENT)
        raise UsageError("answer.unreadable", found=path, reason=reason) from None
    try:
        tree = read_tree(text)
    except UsageError as error:
        args = error.args_by_name
        where = f"{path}:{args.get('line', 1)}:{args.get('column', 1)}"
        raise UsageError("answer.bad-file", where=where, found=args.get("found") or "-") from None
    if tree is None or tree.kind != "list":
        raise UsageError("answer.bad-file", where=f"{path}:1", found=tree.kind if tree else "-")
    return [_item(path, node) for node in tree.items]


def _item(path: Path, node: Node) -> Item:
    where = f"{path}:{node.place.line}"
    step = ""
    if node.kind == "mapping" and len(node.mapping) == 1:
        step, node = next(iter(node.mapping.items()))
    if node.kind in {"mapping", "list"}:
        raise UsageError("answer.bad-file", where=where, found=node.kind)
    return Item(where, step, node.text or "")


def scripted(
    path: Path, words_of: Callable[[Graph, Header], Words], *, quiet: bool, read_only: bool
) -> Callable[[Graph, Header, Since], Person]:
    """Return what makes a person that answers from a file.

    Raises:
        UsageError: as `read_answers`.
    """
    items = read_answers(path)

    def person(graph: Graph, header: Header, since: Since) -> Person:
        left = iter(items)
        last = Item(str(path), "", "")

        def line(step: str) -> str:
            nonlocal last
            found = next(left, None)
            if found is None:
                raise UsageError("answer.no-more", where=path, step=step, found=len(items), run=header.run)
            last = found
            if found.step and found.step != step:
                raise UsageError(
                    "answer.does-not-fit", where=found.where, step=step, expected=step, found=found.step
                )
            return found.text

        def refuse(step: str, error: UsageError) -> None:
            texts = error_texts(words.catalog, error.key, error.args_by_name)
            raise UsageError(
                "answer.does-not-fit",
                where=last.where,
                step=step,
                expected=texts["expected"],
                found=last.text,
            )

        words = words_of(graph, header)
        return PlainPerson(
            words, header.run, since, SystemClock(), line, refuse=refuse, quiet=quiet, read_only=read_only
        )

    return person
