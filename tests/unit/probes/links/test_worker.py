"""Work that hangs is left behind; what it brings too late is put away."""

import threading

import pytest

from probes.links.worker import TooLate, in_time


def test_a_result(soon):
    assert in_time(lambda: 42, soon()) == 42


def test_an_error_is_the_caller_s(soon):
    with pytest.raises(ZeroDivisionError):
        in_time(lambda: 1 // 0, soon())


def test_what_comes_too_late_is_discarded(soon):
    release, discarded = threading.Event(), threading.Event()
    seen = []

    def discard(result):
        seen.append(result)
        discarded.set()

    with pytest.raises(TooLate):
        in_time(lambda: release.wait(20) and "a port", soon(0.05), discard)
    assert not seen
    release.set()
    assert discarded.wait(20)
    assert seen == ["a port"]


def test_an_error_that_comes_too_late_disturbs_nobody(soon):
    release, ended = threading.Event(), threading.Event()

    def fail():
        release.wait(20)
        ended.set()
        raise OSError("late")

    with pytest.raises(TooLate):
        in_time(fail, soon(0.05))
    release.set()
    assert ended.wait(20)
