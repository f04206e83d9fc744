"""Every playbook of the library: its tests pass with all steps reached, and a run that is killed goes on."""

from __future__ import annotations

import pytest

from playbooks.engine.library import Library
from playbooks.engine.testkit.kit import Ended, Kit

NAMES = Library().names()


@pytest.mark.parametrize("name", NAMES)
def test_every_case_goes_as_it_should_and_every_step_is_reached(name, library, check) -> None:
    with Kit(library, name, check) as kit:
        tested = kit.run()
    wrong = [
        f"{name}, case “{ended.case.name}”: {miss.what}: expected {miss.expected}, found {miss.found}"
        for ended in tested.cases
        for miss in ended.misses
    ]
    assert not wrong, "\n".join(wrong)
    assert not tested.steps, f"{name}: no case reaches {', '.join(tested.steps)}"
    assert not tested.ways, f"{name}: no case goes into {', '.join(tested.ways)}"
    outcomes = {ended.state.finish.outcome.value for ended in tested.cases if ended.state.finish}
    assert len(outcomes) > 1, f"{name}: all cases end as {outcomes}; a customer has more to tell"


@pytest.mark.parametrize("name", NAMES)
def test_a_run_that_is_killed_anywhere_ends_as_if_it_had_not_been(name, library, check) -> None:
    with Kit(library, name, check) as kit:
        for case in kit.test.cases:
            whole = kit.case(case)
            for number in range(1, whole.writes):
                for share in (0.5, 1.0):  # before the journal has the line, and after
                    killed = kit.case(case, kill_at=number + share)
                    assert told(killed) == told(whole), f"{name}, “{case.name}”: killed at {number + share}"


def told(ended: Ended) -> object:
    """Return what must be the same, whether a run was killed or not."""
    state = ended.state
    assert state.finish is not None, "a run ends"
    steps: list[tuple[str, str]] = []
    for tried in state.tried:
        if tried.result == "undone" and (tried.step, "unclear") in steps[-1:]:
            continue  # what may have been done was brought back before it was asked for again
        steps.append((tried.step, tried.result))
    steps = [step for step in steps if step[1] != "unclear"]
    # what is asked twice takes twice the time; what was undone stands in the steps
    misses = [miss for miss in ended.misses if miss.what not in {"time", "undone"}]
    return state.finish, state.cause, set(state.ruled_out), dict(state.answers), steps, misses
