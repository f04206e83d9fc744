"""docs/writing-playbooks.md: the playbook that the page grows step by step is a sound one."""

from __future__ import annotations

import re
from pathlib import Path

from playbooks.engine.library import Library
from playbooks.engine.lint.run import lint

PAGE = (Path(__file__).parents[3] / "docs/writing-playbooks.md").read_text(encoding="utf-8")


def block(number):
    return re.search(rf"<!-- step {number} -->\n```yaml\n(.*?)```", PAGE, re.DOTALL)[1]


def test_the_playbook_of_the_page_is_sound(tmp_path):
    head, _, end = block(1).partition("steps:\n")
    steps = block(2).removeprefix("steps:\n")
    path = tmp_path / "drawer.yaml"
    path.write_text(f"{head}steps:\n{steps}{block(4)}{end}", encoding="utf-8")
    (tmp_path / "printer-silent.yaml").write_text(block(1).replace("drawer\n", "printer-silent\n", 1))
    faults = list(lint(Library([tmp_path], shipped=None), [path]))
    told = [(fault.rule, fault.line, dict(fault.args)) for fault in faults if fault.rule != "PB052"]
    assert told == []


def test_the_causes_of_the_page_fit_in(tmp_path):
    path = tmp_path / "drawer.yaml"
    path.write_text(block(1).replace("steps:\n", f"{block(6)}steps:\n", 1), encoding="utf-8")
    faults = list(lint(Library([tmp_path], shipped=None), [path]))
    assert not [fault for fault in faults if fault.is_error]
