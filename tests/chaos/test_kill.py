"""Workers are killed with SIGKILL wherever they are: every call is in its portal once, with its recording."""

from __future__ import annotations

import os
import random
import signal

import pytest
from killing import LEASE_S, Killing

SEED = int(os.environ.get("SUPPORTCTL_SEED") or random.SystemRandom().randrange(10**6))
SHARE = int(os.environ.get("SUPPORTCTL_KILLS") or 10)


@pytest.mark.parametrize("workers", [2, 4])
def test_killed_workers_lose_nothing_and_repeat_nothing(tmp_path, no_coverage, workers):
    with Killing(tmp_path, SEED, workers) as killing:
        killing.accept(40)
        for _ in range(SHARE):
            killing.pass_time(killing.chance.random() * 0.4)
            killing.kill()
            killing.accept(4)
        killing.until_empty()
        killing.judge()
        assert killing.kills == SHARE


def test_a_worker_that_stood_still_for_longer_than_its_lease(tmp_path, no_coverage):
    with Killing(tmp_path, SEED, 2) as killing:
        for _ in range(max(SHARE // 10, 1)):
            killing.accept(60)
            killing.pass_time(killing.chance.random() * 0.3)
            zombie = killing.workers[0]
            os.kill(zombie, signal.SIGSTOP)
            killing.pass_time(LEASE_S * 1.3)  # somebody else has its lanes now
            os.kill(zombie, signal.SIGCONT)
            killing.pass_time(0.2)
        killing.until_empty()
        killing.judge()


def test_sigterm_ends_a_worker_between_two_requests(tmp_path, no_coverage):
    with Killing(tmp_path, SEED, 2) as killing:
        killing.accept(100)
        killing.pass_time(0.3)
        killing.end()
        assert "sending" not in killing.states()  # nothing is left in doubt
        killing.workers = [killing.start()]
        killing.until_empty()
        killing.judge()
