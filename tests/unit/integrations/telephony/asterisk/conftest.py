"""An account of Asterisk with records in a folder of its own."""

from datetime import UTC, datetime, timedelta

import pytest
from asterisk_records import COLUMNS, DAY, MOSCOW

from integrations.checking import Surroundings
from integrations.telephony.asterisk.source import AsteriskSource
from supportctl.core.accounts import Asterisk
from supportctl.core.call import Call
from supportctl.core.clock import FakeClock
from supportctl.core.deadline import Deadline


@pytest.fixture
def clock():
    return FakeClock(datetime(2026, 9, 1, 20, 0, tzinfo=UTC))


@pytest.fixture
def surroundings(tmp_path, clock):
    return Surroundings("pbx", clock, lambda secret: secret, MOSCOW, "RU", tmp_path)


@pytest.fixture
def read(tmp_path, surroundings):
    """Return a function from records (or the text of a file) to the calls and the rejected lines."""

    def reading(what, *, extra=COLUMNS["all"], since=DAY, until=DAY + timedelta(days=1), **settings):
        if what is not None:
            text = what if isinstance(what, str | bytes) else "".join(each.line(extra) for each in what)
            raw = text if isinstance(text, bytes) else text.encode()
            (tmp_path / "Master.csv").write_bytes(raw)
        if not {"file", "database"} & set(settings):
            settings["file"] = "Master.csv"
        source = AsteriskSource(Asterisk(kind="asterisk", **settings), surroundings)
        found = [*source.calls(since, until, Deadline.after(60, surroundings.clock))]
        calls = [each for each in found if isinstance(each, Call)]
        return calls, [each for each in found if not isinstance(each, Call)]

    return reading


@pytest.fixture
def one(read):
    """Return a function from records to the one call that they are."""

    def reading(*rows, **settings):
        (call,), rejected = read(rows, **settings)
        assert rejected == []
        return call

    return reading
