"""Free space: thresholds, small volumes, read-only ones."""

from __future__ import annotations

import pytest

from probes.host.disk import DiskProbe, Volume, check_volumes, read_volumes
from supportctl.core.finding import Status

FINE = Volume("/", 50_000, 250_000, 1000)


def said(*volumes, wanted=1024):
    return [(v.code, v.status, v.meaning) for v in check_volumes(volumes, wanted)]


def test_enough_space():
    assert said(FINE) == [("host.disk", Status.OK, "")]


@pytest.mark.parametrize(
    ("free", "total", "status", "meaning"),
    [
        (1023, 250_000, Status.WARNING, "host.little-space"),
        (100, 250_000, Status.WARNING, "host.little-space"),
        (99, 250_000, Status.FAULT, "host.almost-full"),
        (0, 250_000, Status.FAULT, "host.almost-full"),
        (50, 1000, Status.WARNING, "host.little-space"),  # a small volume: a tenth is enough
        (19, 1000, Status.FAULT, "host.almost-full"),
    ],
)
def test_little_space(free, total, status, meaning):
    assert said(FINE, Volume("/var", free, total, 1000)) == [("host.disk-low", status, meaning)]


@pytest.mark.parametrize(("free", "total"), [(1024, 250_000), (150, 1000)])
def test_just_enough(free, total):
    assert said(Volume("/", free, total))[0][1] is Status.OK


def test_no_inodes():
    found = said(FINE._replace(inodes_free=0))
    assert found == [("host.disk-low", Status.FAULT, "host.no-inodes")]


def test_a_volume_that_is_written_to_must_not_be_read_only():
    found = said(FINE._replace(read_only=True))
    assert found == [("host.disk-read-only", Status.FAULT, "host.mounted-read-only")]


def test_a_system_volume_may_be_read_only_and_full():
    assert said(Volume("/", 0, 4000, 0, read_only=True, is_written_to=False))[0][1] is Status.OK


def test_nothing_known_nothing_said():
    assert said() == []


def test_this_computer(here):
    volumes = read_volumes()
    assert len({volume.path for volume in volumes}) == len(volumes)
    assert all(0 <= volume.free_mb <= volume.total_mb for volume in volumes)
    (finding,) = DiskProbe().run(here(disk_free_mb=0))
    assert finding.code in DiskProbe.codes
