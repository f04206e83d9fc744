"""Reads the tests of a playbook: the same strictness, and the same messages, as for the playbook itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from playbooks.engine.loader import OF_FILES, TOLD, as_error
from playbooks.engine.testkit.format import PlaybookTest
from supportctl.core.errors import UsageError
from supportctl.reading.problems import Problem, from_pydantic, in_order
from supportctl.reading.text_file import read_text
from supportctl.reading.yaml_tree import read_tree

if TYPE_CHECKING:
    from pathlib import Path

    from playbooks.engine.library import Library

MAX_BYTES = 256 * 1024
_TOLD = TOLD._replace(model=PlaybookTest)


def tests_of(library: Library, name: str) -> Path:
    """Return where the tests of a playbook are: `NAME.test.yaml` beside it. Raises as `Library.path`."""
    path = library.path(name)
    return path.with_name(f"{path.stem}.test.yaml")


def read_tests(path: Path) -> PlaybookTest:
    """Return the cases of a file.

    Raises:
        UsageError: a `playbook.*` key; `where` is the file, the line and the column.
    """
    try:
        text = read_text(path, MAX_BYTES)
        tree = read_tree(text)
    except UsageError as error:
        args = dict(error.args_by_name)
        missing = error.key == "config.not-found"
        key = "playbook.no-test" if missing else OF_FILES.get(error.key, error.key)
        if "line" in args:
            raise as_error(path, Problem(key, int(args["line"]), int(args["column"]), args)) from None
        raise UsageError(key, **args) from None
    if tree is None:
        raise as_error(path, Problem("playbook.empty", 1, 1, {}))
    try:
        return PlaybookTest.model_validate(tree.plain())
    except ValidationError as error:
        raise as_error(path, in_order(from_pydantic(error, tree, _TOLD))[0]) from None
