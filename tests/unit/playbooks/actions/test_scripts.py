"""The PowerShell scripts: one argument, plain ASCII, and nothing that a name could break out of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import playbooks.actions

SCRIPTS = sorted(Path(playbooks.actions.__file__).parent.glob("scripts/*.ps1"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_takes_its_words_as_data(script):
    text = script.read_text(encoding="utf-8")
    assert text.isascii()
    assert '"' not in text  # it would end the argument
    assert "ConvertFrom-Json" in text
    assert not re.search(
        r"Invoke-Expression|\biex\b|ScriptBlock|-EncodedCommand|cmd\.exe", text, re.IGNORECASE
    )
    # a filter is a little language of its own: names are compared by PowerShell instead
    assert not re.search(r"-Filter|-Query", text)


def test_there_are_scripts():
    assert [path.stem for path in SCRIPTS] == ["clock", "queue", "service"]
