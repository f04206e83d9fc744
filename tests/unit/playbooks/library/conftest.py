"""What the tests of the library share: real probes that ask the lab's devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from playbooks.engine.library import Library
from playbooks.engine.ports import Looked
from probes.links import open_link
from probes.registry import entries, plan
from probes.runner import Job, Runner
from supportctl.core.clock import SystemClock
from supportctl.core.deadline import Deadline
from supportctl.core.target import parse_target

if TYPE_CHECKING:
    from playbooks.engine.model import Check


@pytest.fixture(scope="session")
def library() -> Library:
    """Return the library that comes with supportctl."""
    return Library()


def asked(check: Check, targets: tuple[str, ...]) -> Looked:
    """Ask real targets by the real probes, as `supportctl check` does."""
    clock = SystemClock()
    jobs = [Job(entry, target) for entry, target in plan(entries(), [parse_target(url) for url in targets])]
    result = Runner(open_link, clock).run(jobs, Deadline.after(check.deadline, clock))
    return Looked(result.findings, targets)


@pytest.fixture(scope="session")
def check():
    """Return what asks real targets."""
    return asked
