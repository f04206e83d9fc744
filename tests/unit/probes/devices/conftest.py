"""A probe against a simulated device or a recorded dialogue, on a clock that does not wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from probes.context import ProbeContext, ProbeSettings
from probes.links.fakes import DeviceLink
from supportctl.core.clock import FakeClock
from supportctl.core.deadline import Deadline
from supportctl.core.finding import Finding, Status
from supportctl.core.target import parse_target

if TYPE_CHECKING:
    from collections.abc import Callable

    from probes.context import Probe
    from probes.lab.device import Device


class Told(NamedTuple):
    """What a probe said, and how long it took."""

    findings: list[Finding]
    seconds: float

    @property
    def problems(self) -> dict[str, str]:
        return {f.code: f.status.value for f in self.findings if f.status is not Status.OK}

    @property
    def passed(self) -> set[str]:
        return {f.code for f in self.findings if f.status is Status.OK}

    def __getitem__(self, code: str) -> Finding:
        return next(f for f in self.findings if f.code == code)


class Bench:
    """Runs probes without a wire."""

    def __init__(self) -> None:
        self.clock = FakeClock()

    def run(
        self,
        probe: Probe,
        device: Device | None = None,
        *,
        link: Callable[..., object] | None = None,
        wrap: Callable[..., object] | None = None,
        url: str = "escpos+tcp://192.168.1.50:9100",
        seconds: float = 15.0,
        **expect: str,
    ) -> Told:
        """Return what `probe` says of `device`, or of the link that `link(target, clock)` makes."""

        def opener(target, deadline):
            opened = link(target, self.clock) if link else DeviceLink(target, self.clock, device)
            return wrap(opened, self.clock) if wrap else opened

        started = self.clock.monotonic()
        context = ProbeContext(
            parse_target(url),
            Deadline.after(seconds, self.clock),
            self.clock,
            opener,
            ProbeSettings(expect=expect),
        )
        findings = list(probe.run(context))
        assert {f.code for f in findings} <= probe.codes
        assert all(f.evidence or f.status is Status.SKIPPED for f in findings)
        return Told(findings, self.clock.monotonic() - started)


@pytest.fixture
def bench() -> Bench:
    return Bench()
