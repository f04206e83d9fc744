"""Ids of runs: short enough for the telephone, and never one that is taken."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import pytest

from supportctl.app import playbook_runs
from supportctl.app.playbook_runs import journal_path, new_run_id

NOW = datetime(2026, 11, 22, 20, 16, tzinfo=UTC)


@pytest.fixture
def chance(monkeypatch):
    """Let chance say what the test says, over and over."""

    def says(*answers):
        told = itertools.cycle(answers)
        monkeypatch.setattr(playbook_runs.os, "urandom", lambda size: next(told) * (size // 2))

    return says


def test_it_is_short_and_sorts_by_time(tmp_path, chance):
    chance(b"\xa0\xdf")
    assert new_run_id(tmp_path, NOW) == "261122-2016-a0df"
    assert new_run_id(tmp_path, NOW) < new_run_id(tmp_path, NOW.replace(minute=17))


def test_the_id_of_another_run_of_this_minute_is_not_given_again(tmp_path, chance):
    chance(b"\xa0\xdf", b"\xa0\xdf", b"\x00\x01")
    journal_path(tmp_path, "261122-2016-a0df").touch()
    assert new_run_id(tmp_path, NOW) == "261122-2016-0001"


def test_where_all_that_chance_gives_is_taken_it_is_longer(tmp_path, chance):
    chance(b"\xa0\xdf")
    journal_path(tmp_path, "261122-2016-a0df").touch()
    assert new_run_id(tmp_path, NOW) == "261122-2016-" + "a0df" * 4


def test_a_thousand_runs_of_one_minute(tmp_path):
    for _ in range(1000):
        journal_path(tmp_path, new_run_id(tmp_path, NOW)).open("x").close()
    assert len(list(tmp_path.iterdir())) == 1000
