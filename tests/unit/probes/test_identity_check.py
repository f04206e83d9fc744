"""The device that the configuration means, and another one in its place."""

import pytest

from probes.identity_check import other_unit
from supportctl.core.finding import Finding, Status

PRINTER = Finding(
    "printer.answers",
    Status.OK,
    "escpos+tcp://192.0.2.1:9100",
    "till",
    {"model": "TM-T20III", "serial": "X1"},
)


@pytest.mark.parametrize("expect", [{}, {"model": "tm-t20"}, {"serial": "X1"}, {"drawer": "closed"}])
def test_the_right_device(expect):
    assert other_unit(PRINTER, expect) is None


@pytest.mark.parametrize(
    ("expect", "told"), [({"model": "TM-T88"}, "TM-T20III"), ({"model": "T20", "serial": "X"}, "X1")]
)
def test_another_device(expect, told):
    other = other_unit(PRINTER, expect)
    assert (other.code, other.status, other.args["told"]) == ("device.other-unit", Status.WARNING, told)
    assert other.target == PRINTER.target


def test_what_is_not_told_is_not_compared():
    assert other_unit(PRINTER._replace(args={"model": "?"}), {"model": "TM", "serial": "1"}) is None
    assert other_unit(PRINTER._replace(status=Status.SKIPPED), {"model": "nothing"}) is None
