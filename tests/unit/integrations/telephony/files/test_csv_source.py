"""A file as a source of calls, and its check."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from integrations.checking import Surroundings
from integrations.registry import check_class, source
from integrations.telephony.source import Progress
from supportctl.core.accounts import Csv
from supportctl.core.call import Call, Rejected
from supportctl.core.clock import FakeClock
from supportctl.core.deadline import Deadline
from supportctl.core.errors import UsageError
from supportctl.core.failure import ServiceError
from supportctl.core.finding import Evidence, Finding, Status, clean_args

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HEADER = "call_id;direction;started_at;duration_s;contact_phone;answered\n"


def row(number, began):
    return f"c{number};in;{began.isoformat()};61;+7916{number:07d};1\n"


class Context:
    """The surroundings of a check, with findings as they are."""

    def __init__(self, within=30.0):
        self.clock = FakeClock(NOW)
        self.deadline = Deadline.after(within, self.clock)

    def evidence(self, asked, meaning="", *, started, sent=None, got=None, **args):
        return Evidence(asked, self.clock.now(), 0.0, sent, got, meaning, clean_args(args))

    def _finding(self, status, code, evidence, args):
        return Finding(code, status, "telephony:pbx", args=clean_args(args), evidence=evidence)

    def ok(self, code, *evidence, **args):
        return self._finding(Status.OK, code, evidence, args)

    def warning(self, code, *evidence, **args):
        return self._finding(Status.WARNING, code, evidence, args)

    def fault(self, code, *evidence, **args):
        return self._finding(Status.FAULT, code, evidence, args)


@pytest.fixture
def here(tmp_path):
    def make(text, name="calls.csv", **more):
        if text is not None:
            (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        account = Csv(kind="csv", file=name, **more)
        return account, Surroundings("pbx", FakeClock(NOW), str, None, "RU", tmp_path)

    return make


def calls(made, since, until, within=30.0):
    deadline = Deadline.after(within, made[1].clock)
    return list(source(*made).calls(since, until, deadline))


def test_the_window_is_taken_out_of_the_file(here):
    made = here(HEADER + "".join(row(n, NOW + timedelta(hours=n)) for n in range(10)))
    found = calls(made, NOW + timedelta(hours=3), NOW + timedelta(hours=5))
    assert [call.call_id for call in found] == ["c3", "c4"]
    assert found[0].source == "pbx"


def test_bad_lines_are_told_whatever_the_window(here):
    made = here(HEADER + "broken\n" + row(1, NOW))
    assert [type(found) for found in calls(made, NOW, NOW + timedelta(hours=1))] == [Rejected, Call]


def test_the_zone_of_the_account_is_meant(here):
    made = here(HEADER + "a;in;2026-11-22 12:00:00;1;1;1\n", timezone="Asia/Yekaterinburg")
    assert calls(made, NOW - timedelta(days=1), NOW + timedelta(days=1))[0].started_at == NOW - timedelta(
        hours=5
    )


def test_a_file_that_is_not_there(here):
    with pytest.raises(UsageError):
        calls(here(None), NOW, NOW)


def test_the_deadline_and_the_progress(here):
    made = here(HEADER + "".join(row(n, NOW) for n in range(2500)))
    with pytest.raises(ServiceError):
        calls(made, NOW, NOW, within=0)
    seen = []
    list(source(*made).calls(NOW, NOW, Deadline.after(9, made[1].clock), seen.append))
    assert seen == [Progress(1000), Progress(2000), Progress(2500, 2500)]


def findings(made, within=30.0):
    check = check_class("telephony.csv")
    found = list(check(*made).run(Context(within)))
    assert {finding.code for finding in found} <= check.codes
    return {finding.code: finding for finding in found}


def test_a_healthy_file(here):
    found = findings(here(HEADER + row(1, NOW - timedelta(hours=2))))
    assert {finding.status for finding in found.values()} == {Status.OK}
    assert set(found) == {"telephony.file", "telephony.columns", "telephony.lines-usable", "telephony.calls"}


def test_a_file_that_no_longer_grows(here):
    found = findings(here(HEADER + row(1, NOW - timedelta(hours=30))))["telephony.no-recent-calls"]
    assert (found.status, found.args["hours"]) == (Status.WARNING, 30)
    assert "telephony.calls" in findings(here(HEADER + row(1, NOW - timedelta(hours=30)), quiet="48h"))


def test_a_file_without_a_call(here):
    assert "telephony.no-recent-calls" in findings(here(HEADER))


def test_lines_that_cannot_be_used(here):
    found = findings(here(HEADER + "x\n" * 9 + row(1, NOW)))["telephony.lines-rejected"]
    assert found.status is Status.WARNING
    assert found.args["lines"] == "2, 3, 4, 5, 6"
    assert found.args["rejected"] == 9


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (None, "telephony.file-missing"),
        (b"call_id;direction\n", "telephony.columns-missing"),
        (b"PK\x03\x04", "telephony.file-not-calls"),
        (b"", "telephony.file-not-calls"),
        (b"\0" * 100, "telephony.file-not-calls"),
        (b'{"schema": "supportctl.report/1"}', "telephony.file-not-calls"),
    ],
)
def test_files_that_are_of_no_use(here, data, code):
    (found,) = findings(here(data)).values()
    assert (found.code, found.status) == (code, Status.FAULT)
    assert found.evidence


def test_a_folder(here):
    account, surroundings = here(None)
    (found,) = findings((account.model_copy(update={"file": "."}), surroundings)).values()
    assert found.code == "telephony.file-unreadable"


def test_a_file_that_is_too_long_for_the_time_is_not_judged_by_its_age(here):
    made = here(HEADER + "".join(row(n, NOW - timedelta(days=9)) for n in range(1500)))
    assert "telephony.calls" in findings(made, within=0.5)
