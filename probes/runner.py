"""Many probes in parallel, one deadline, nothing lost.

Probes that share a wire run one after another in one thread (a port has one owner); wires run in
parallel. What a probe has yielded is kept even if it then crashes, hangs or is interrupted.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from probes.causes import one_cause_one_finding
from probes.context import ProbeContext, ProbeSettings
from probes.identity_check import other_unit
from supportctl.core.finding import Finding, Status, clean_args
from supportctl.core.target import THIS_COMPUTER, is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from probes.links import Link
    from probes.registry import ProbeEntry
    from supportctl.core.clock import Clock
    from supportctl.core.deadline import Deadline
    from supportctl.core.target import Target

MAX_THREADS = 128
CRASHED, STUCK, INTERRUPTED = "check.probe-crashed", "check.probe-stuck", "check.interrupted"
_GRACE_S = 0.5  # after the deadline: time for a probe that noticed it to say so
_NOT_ASKED = "check.not-asked"


@dataclass(slots=True)
class Job:
    """One probe for one target, and what it has said so far."""

    entry: ProbeEntry
    target: Target
    settings: ProbeSettings = field(default_factory=ProbeSettings)
    findings: list[Finding] = field(default_factory=list)
    state: str = "waiting"  # waiting, running, done
    done: threading.Event = field(default_factory=threading.Event)

    def broken_by(self) -> Finding | None:
        """Return the finding that makes questions which need this one pointless."""
        return next((f for f in self.findings if f.status is Status.FAULT or f.code == _NOT_ASKED), None)


class RunResult(NamedTuple):
    """What a run found, in the order of its jobs."""

    findings: tuple[Finding, ...]
    duration_s: float
    interrupted: bool


class Runner:
    """Runs jobs. `on_change` hears of every job that starts or ends, on the thread that calls `run`."""

    def __init__(
        self,
        opener: Callable[[Target, Deadline], Link],
        clock: Clock,
        on_change: Callable[[Sequence[Job]], None] | None = None,
    ) -> None:
        self._opener = opener
        self._clock = clock
        self._on_change = on_change or (lambda _jobs: None)
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._stopping = False

    def run(self, jobs: Sequence[Job], deadline: Deadline) -> RunResult:
        """Return when every job is done, the deadline (and a short grace) has passed, or on Ctrl-C."""
        started = self._clock.monotonic()
        interrupted = False
        try:
            self._start(jobs, deadline)
            self._wait(jobs, deadline)
        except KeyboardInterrupt:
            interrupted = True
        with self._lock:
            self._stopping = True
            for job in jobs:
                if job.state != "done":
                    job.findings.append(_unfinished(job, deadline, interrupted=interrupted))
                    job.state = "done"
            found = [finding for job in jobs for finding in job.findings]
        return RunResult(one_cause_one_finding(found), self._clock.monotonic() - started, interrupted)

    def _start(self, jobs: Sequence[Job], deadline: Deadline) -> None:
        ordered = _by_wire(jobs)
        lanes = deque(ordered)
        for number, lane in enumerate(ordered[:MAX_THREADS]):
            lane[0].entry.prepare()
            threading.Thread(
                target=self._work, args=(lanes, jobs, deadline), name=f"probe-{number}", daemon=True
            ).start()

    def _wait(self, jobs: Sequence[Job], deadline: Deadline) -> None:
        with self._changed:
            while any(job.state != "done" for job in jobs):
                left = deadline.at + _GRACE_S - self._clock.monotonic()
                if left <= 0:
                    return
                self._changed.wait(min(left, 0.1))
                self._on_change(jobs)

    def _work(self, lanes: deque[list[Job]], jobs: Sequence[Job], deadline: Deadline) -> None:
        while True:
            try:
                lane = lanes.popleft()
            except IndexError:
                return
            for job in lane:
                self._run_job(job, jobs, deadline)

    def _run_job(self, job: Job, jobs: Sequence[Job], deadline: Deadline) -> None:
        parent = self._broken_parent(job, jobs, deadline)
        try:
            if parent is not None:
                self._keep(job, _skipped(job, parent))
                return
            self._set_state(job, "running")
            context = ProbeContext(
                job.target, deadline.within(job.entry.budget_s), self._clock, self._opener, job.settings
            )
            for finding in job.entry.load().run(context):
                if not self._keep(job, finding):
                    return
                other = other_unit(finding, job.settings.expect) if job.settings.expect else None
                if other is not None:
                    self._keep(job, other)
        except Exception as error:  # noqa: BLE001  a probe's bug must not cost the rest of the report
            self._keep(job, _crashed(job, error))
        finally:
            self._set_state(job, "done")
            job.done.set()

    def _broken_parent(self, job: Job, jobs: Sequence[Job], deadline: Deadline) -> Finding | None:
        for need in job.entry.needs:
            for other in jobs:
                if other.entry.id == need and _concerns(other.target, job.target):
                    other.done.wait(deadline.remaining())
                    broken = other.broken_by()
                    if broken is not None:
                        return broken
        return None

    def _keep(self, job: Job, finding: Finding) -> bool:
        with self._changed:
            if self._stopping:
                return False
            job.findings.append(finding)
            return True

    def _set_state(self, job: Job, state: str) -> None:
        with self._changed:
            if not self._stopping:
                job.state = state
            self._changed.notify_all()


def _by_wire(jobs: Iterable[Job]) -> list[list[Job]]:
    lanes: dict[str, list[Job]] = {}
    for job in jobs:
        key = f"computer:{job.entry.id}" if job.entry.computer else job.target.endpoint
        lanes.setdefault(key, []).append(job)
    # what others wait for goes first, so that a full house of waiting threads cannot starve it; then those
    # that listen, and slow lines: their time runs while the others are imported
    return sorted(lanes.values(), key=lambda lane: _place(lane[0]))


def _place(job: Job) -> tuple[bool, ...]:
    entry = job.entry
    return not entry.computer, bool(entry.needs), not entry.listens, job.target.wire != "serial"


def _concerns(parent: Target, child: Target) -> bool:
    if parent.endpoint == child.endpoint:
        return True
    needs_network = child.wire not in {"serial", "usb", "host"} and not is_loopback(child.host)
    return parent.endpoint == THIS_COMPUTER.endpoint and (child.wire == "host" or needs_network)


def _skipped(job: Job, parent: Finding) -> Finding:
    code = parent.because if parent.status is Status.SKIPPED and parent.because else parent.code
    return Finding(
        _NOT_ASKED, Status.SKIPPED, job.target.url, job.target.name, {"probe": job.entry.id}, because=code
    )


def _crashed(job: Job, error: Exception) -> Finding:
    args = clean_args({"probe": job.entry.id, "error": f"{type(error).__name__}: {error}"})
    return Finding(CRASHED, Status.UNKNOWN, job.target.url, job.target.name, args)


def _unfinished(job: Job, deadline: Deadline, *, interrupted: bool) -> Finding:
    code = INTERRUPTED if interrupted else STUCK
    args = clean_args({"probe": job.entry.id, "state": job.state, "left_s": round(deadline.remaining(), 1)})
    return Finding(code, Status.UNKNOWN, job.target.url, job.target.name, args)
