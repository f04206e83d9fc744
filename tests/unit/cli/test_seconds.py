"""Options that are a time: what is no number is no time."""

from __future__ import annotations

import pytest

SHUT = "escpos+tcp://127.0.0.1:1"


@pytest.mark.parametrize("seconds", ["nan", "NaN", "-nan", "inf", "-1", "1e400", "x"])
@pytest.mark.parametrize(
    "command", [["check", SHUT, "--deadline"], ["check", SHUT, "--watch"], ["identify", SHUT, "--deadline"]]
)
def test_what_is_no_time_is_refused(supportctl, command, seconds):
    assert supportctl(*command, seconds)[0] == 2
