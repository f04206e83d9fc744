"""What the customer sees of a session: a request that comes again is counted, another one is a line."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from supportctl.catalog import Catalog
from supportctl.cli.share_screen import ShareScreen
from supportctl.remote.reverse.staff import Staff

ANNA = Staff("Anna", "SHA256:aaaa", 2_000_000_000)
OTHER = Staff("Anna", "SHA256:bbbb", 2_000_000_000)


class Noon:
    """A clock that stands."""

    def now(self):
        return datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

    def monotonic(self):
        return 0.0


@pytest.fixture
def screen():
    return ShareScreen(Catalog("en"), Noon(), None, lambda target: target, "T-7")


def lines(capsys):
    return [line.removeprefix("12:00").strip() for line in capsys.readouterr().out.splitlines()]


def test_each_command_of_theirs_comes_by_itself_and_is_no_news(screen, capsys):
    screen.came(ANNA)
    screen.came(ANNA)
    screen.told("identify", {"target": "tcp://a"}, "begun")
    shown = lines(capsys)
    assert len(shown) == 2
    assert shown[0].startswith("Anna")
    assert "tcp://a" in shown[1]


def test_who_comes_back_or_is_another_is_news(screen, capsys):
    screen.came(ANNA)
    screen.left(ANNA, on_purpose=False)
    screen.came(ANNA)
    screen.came(OTHER)  # the same name, another key
    shown = lines(capsys)
    assert shown.count("Anna is connected.") == 3
    assert len(shown) == 4


def test_the_same_request_is_counted(screen, capsys):
    for _ in range(3):
        screen.told("identify", {"target": "tcp://a"}, "begun")
    screen.told("ports", {}, "begun")
    shown = lines(capsys)
    assert len(shown) == 3
    assert "the same again, 2" in shown[1]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("identify", {"target": "tcp://a"}), ("check", {"targets": ["tcp://a"]})),
        (("check", {"targets": ["a", "b", "c", "d"]}), ("check", {"targets": ["a", "b", "c", "e"]})),
        (("x" * 50 + "1", {}), ("x" * 50 + "2", {})),
        (
            ("playbook.run", {"roles": {"p": "a"}, "name": "x"}),
            ("playbook.run", {"roles": {"p": "b"}, "name": "x"}),
        ),
    ],
)
def test_another_request_is_never_the_same(screen, capsys, first, second):
    for method, params in (first, second):
        screen.told(method, params, "begun")
    shown = lines(capsys)
    assert len(shown) == 2
    assert not any("the same" in line for line in shown)
