"""Every playbook of the library: its tests pass with all steps reached, and a run that is killed goes on."""

from __future__ import annotations

import pytest

from playbooks.engine.library import Library
from playbooks.engine.testkit.kit import Ended, Kit


@pytest.fixture(scope="module", params=Library().names())
def kit(request, library, check):
    """Return the tests of a playbook, its lab open; what a device has said is asked once for both tests."""
    with Kit(library, request.param, check) as kit:
        yield kit


def test_every_case_goes_as_it_should_and_every_step_is_reached(kit) -> None:
    tested = kit.run()
    wrong = [
        f"case “{ended.case.name}”: {miss.what}: expected {miss.expected}, found {miss.found}"
        for ended in tested.cases
        for miss in ended.misses
    ]
    assert not wrong, "\n".join([kit.name, *wrong])
    assert not tested.steps, f"{kit.name}: no case reaches {', '.join(tested.steps)}"
    assert not tested.ways, f"{kit.name}: no case goes into {', '.join(tested.ways)}"
    outcomes = {ended.state.finish.outcome.value for ended in tested.cases if ended.state.finish}
    assert len(outcomes) > 1, f"{kit.name}: all cases end as {outcomes}; a customer has more to tell"


def test_a_run_that_is_killed_anywhere_ends_as_if_it_had_not_been(kit) -> None:
    for case in kit.test.cases:
        whole = kit.case(case)
        for place in places(whole):
            killed = kit.case(case, kill_at=place)
            assert told(killed) == told(whole), f"{kit.name}, “{case.name}”: killed at {place}"


def places(whole: Ended) -> list[float]:
    """Return where a run is killed: after each record; before it, too, if something was changed by then."""
    after = [float(number) for number in range(1, len(whole.lines))]
    changed = [number + 0.5 for number, kind in enumerate(whole.lines) if kind in {"Acted", "Undone"}]
    return sorted(after + changed)


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
