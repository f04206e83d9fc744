"""Calls come to Bitrix24: what is asked, what is sent, what is believed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from delivery_simulation import ADDRESS, NOW, bench_for

from integrations.crm.bitrix24.destination import Bitrix24Destination
from integrations.crm.bitrix24.saga import ASKED, FALLBACK, GONE, REGISTERED
from integrations.crm.reader import Employee
from integrations.lab.bitrix24.portal import Bitrix24Portal
from supportctl.core.accounts import Bitrix24
from supportctl.core.call import Call
from supportctl.core.deadline import Deadline
from supportctl.core.delivery import Parcel
from supportctl.core.failure import Failure

ASKED_NOW = {ASKED: str(int(NOW.timestamp()))}


class Desk:
    """A portal, a destination, and a deadline as the lane gives it."""

    def __init__(self, **more):
        self.bench, self.portal = bench_for(Bitrix24Portal)
        self.portal.plant_employee(Employee("17", "Anna", "101"))
        self.portal.plant_employee(Employee("18", "Left", "102", active=False))
        account = {**self.portal.account(ADDRESS), "fallback_employee": 1, **more}
        self.crm = Bitrix24Destination(Bitrix24(**account), self.bench.around, self.bench.session)

    def soon(self):
        return Deadline.after(90, self.bench.clock)

    def advance(self, *parcels):
        return self.crm.advance(parcels, self.soon())

    def look_up(self, *parcels):
        return self.crm.look_up(parcels, self.soon())

    def bring(self, parcel):
        """Advance as the lane does until it is there or failed."""
        for _ in range(5):
            outcome = self.advance(parcel)[0]
            if outcome.failure or outcome.done:
                return outcome
            parcel = parcel._replace(step=outcome.step, facts=outcome.facts)
        raise AssertionError(outcome)

    @property
    def rows(self):
        return list(self.portal.store.statistics.rows.values())


@pytest.fixture
def desk():
    return Desk()


@pytest.fixture
def parcel():
    """Return a function that makes a parcel that the portal was asked about already."""

    def make(number=1, *, step="", facts=ASKED_NOW, revision=0, **changes):
        call = Call(**{
            "call_id": f"pbx-{number}", "source": "pbx", "direction": "in", "started_at": NOW,
            "duration_s": 61, "contact_phone": "+79990001122", "answered": True, "line": "+78120000001",
            "employee": "101", "recording_url": f"https://rec.example/{number}.mp3", **changes,
        })  # fmt: skip
        return Parcel(number, call, step, dict(facts), 1, revision)

    return make


def test_a_call_comes_with_its_recording_in_one_request_and_without_a_sound(desk, parcel):
    desk.crm.look_up([parcel()], desk.soon())
    desk.portal.operations.clear()
    outcome = desk.advance(parcel())[0]
    assert (outcome.done, outcome.step, outcome.remote_id) == (True, "recorded", "1")
    assert desk.portal.operations == ["user.get", "batch"]
    row = desk.rows[0]
    assert (row.call.external_id, row.user_id, row.duration) == ("pbx-1", 17, 61)
    assert desk.portal.store.files[row.record_file_id].note == "https://rec.example/1.mp3"
    effects = desk.portal.store.effects
    assert (effects.pop_ups, effects.chat_messages) == ([], [])
    assert outcome.note  # nobody there has this number


def test_a_batch_takes_as_many_as_its_commands_allow(desk, parcel):
    full = [parcel(number) for number in range(60)]
    assert desk.crm.fits(full) == 16
    assert desk.crm.fits([each._replace(call=each.call._replace(recording_url=None)) for each in full]) == 25
    assert desk.crm.fits([parcel(number, facts={}) for number in range(60)]) == 50  # questions
    assert desk.crm.fits([parcel(1, facts={}), *full]) == 17
    assert desk.crm.fits(full[:3]) == 3


def test_the_portal_is_asked_before_the_first_try_and_again_after_ten_minutes(desk, parcel):
    new = parcel(facts={})
    first = desk.advance(new)[0]
    assert (first.failure, first.done, first.facts) == (None, False, ASKED_NOW)
    assert desk.portal.executed["telephony.externalcall.register"] == 0
    desk.bench.clock.advance(601)
    again = desk.advance(new._replace(facts=first.facts))[0]
    assert not again.done
    assert again.facts[ASKED] != first.facts[ASKED]
    assert desk.advance(new._replace(facts=again.facts))[0].done


def test_questions_share_a_batch_with_what_is_sent(desk, parcel):
    desk.advance(parcel(9))
    desk.portal.operations.clear()
    outcomes = {each.delivery_id: each for each in desk.advance(parcel(1), parcel(2, facts={}))}
    assert desk.portal.operations == ["profile", "batch"] or desk.portal.operations == ["batch"]
    assert (outcomes[1].done, outcomes[2].done) == (True, False)


@pytest.mark.parametrize("external_id", [True, False])
def test_a_call_that_came_by_another_way_gets_only_its_recording(desk, parcel, external_id):
    new = parcel(facts={})
    number = desk.portal.plant_call(new.call, employee="17", external_id=external_id)
    outcome = desk.bring(new)
    assert (outcome.done, outcome.remote_id, len(desk.rows)) == (True, number, 1)
    assert desk.portal.executed["telephony.externalcall.register"] == 0
    assert desk.portal.store.files[desk.rows[0].record_file_id].note == "https://rec.example/1.mp3"


@pytest.mark.parametrize(
    "changes",
    [
        {"started_at": NOW + timedelta(seconds=40)},
        {"duration_s": 70},
        {"direction": "out"},
        {"contact_phone": "+79990001123"},
    ],
)
def test_a_call_that_only_resembles_it_is_another_one(desk, parcel, changes):
    desk.portal.plant_call(parcel(2, **changes).call, employee="17", external_id=False)
    assert desk.bring(parcel(facts={})).done
    assert len(desk.rows) == 2


def test_one_record_is_one_call(desk, parcel):
    """Two calls within the tolerance, and one of them came by another way."""
    first, second = (
        parcel(number, facts={}, started_at=NOW + timedelta(seconds=number), recording_url=None)
        for number in (1, 2)
    )
    desk.portal.plant_call(first.call, employee="17", external_id=False)
    assert [each.done for each in desk.advance(first, second)] == [True, False]
    assert desk.bring(second).done
    assert len(desk.rows) == 2


def test_a_hidden_caller_is_looked_for_by_its_id(desk, parcel):
    new = parcel(facts={}, contact_phone="")
    desk.portal.plant_call(new.call._replace(contact_phone="+79990001122"), employee="17")
    assert desk.bring(new).done
    assert len(desk.rows) == 1
    refused = desk.bring(parcel(2, facts={}, contact_phone=""))
    assert (refused.failure, refused.alone) == (Failure.DATA, True)


@pytest.mark.parametrize("fault", ["lost-answer", "torn", "gateway", "never-ending"])
def test_an_unclear_answer_is_asked_about(desk, parcel, fault):
    desk.crm.look_up([parcel()], desk.soon())
    desk.portal.switch(fault, on=True, operations="batch", times=1)
    lost = desk.advance(parcel())[0]
    assert lost.failure is Failure.AMBIGUOUS
    found = desk.look_up(parcel(), parcel(2))
    assert found[2] is None
    assert (found[1].step, found[1].whole, found[1].remote_id) == ("recorded", True, "1")


def test_a_question_that_fails_leaves_its_call_as_it_was(desk, parcel):
    desk.advance(parcel(9))
    desk.portal.switch("lost-answer", on=True, operations="batch", times=1)
    asked, sent = sorted(desk.advance(parcel(1, facts={}), parcel(2)), key=lambda each: each.delivery_id)
    assert (asked.failure, asked.sent) == (Failure.RETRY, False)
    assert sent.failure is Failure.AMBIGUOUS


def test_a_question_that_fails_is_told(desk, parcel):
    desk.portal.switch("unavailable", on=True)
    assert desk.look_up(parcel())[1].failure is not None
    desk.portal.switch("unavailable", on=False)
    desk.portal.switch("no-statistics-right", on=True)
    assert desk.look_up(parcel())[1].failure is Failure.CONFIGURATION


def test_a_registered_call_is_finished_and_not_registered_again(desk, parcel):
    registered = _register(desk, parcel())
    found = desk.look_up(registered)[1]
    assert (found.step, found.whole) == (REGISTERED, False)
    assert desk.bring(registered._replace(step=found.step, facts=found.facts)).done
    assert desk.portal.executed["telephony.externalcall.register"] == 1
    assert len(desk.rows) == 1


def test_a_registered_call_that_the_portal_has_forgotten_is_registered_again(desk, parcel):
    registered = _register(desk, parcel())
    desk.portal.store.open.clear()
    desk.portal.store.open_by_key.clear()
    outcome = desk.advance(registered)[0]
    assert (outcome.failure, outcome.facts[GONE]) == (Failure.AMBIGUOUS, "1")
    assert desk.look_up(registered._replace(facts=outcome.facts))[1] is None  # surely nothing: from the start


def _register(desk, parcel):
    """Return a parcel of which the portal did the first command, and not the second."""
    desk.portal.switch("broken-batch", on=True, times=1)
    outcome = desk.advance(parcel)[0]
    assert (outcome.step, outcome.failure) == (REGISTERED, Failure.AMBIGUOUS)
    return parcel._replace(step=outcome.step, facts=outcome.facts)


@pytest.mark.parametrize("employee", ["102", "999", ""])
def test_an_employee_who_is_none_is_replaced(desk, parcel, employee):
    assert desk.bring(parcel(employee=employee)).done
    assert desk.rows[0].user_id == 1


def test_an_employee_who_is_dismissed_just_now_is_replaced_with_a_note(desk, parcel):
    desk.advance(parcel(9))  # the list of employees is read
    desk.portal.plant_employee(Employee("17", "Anna", "101", active=False))
    outcome = desk.advance(parcel())[0]
    assert (outcome.failure, outcome.note, outcome.facts[FALLBACK]) == (None, "crm.user-inactive", "1")
    assert desk.bring(parcel(facts=outcome.facts)).done


def test_an_employee_who_is_dismissed_between_the_steps_is_replaced(desk, parcel):
    registered = _register(desk, parcel())
    desk.portal.plant_employee(Employee("17", "Anna", "101", active=False))
    outcome = desk.bring(registered)
    assert (outcome.done, outcome.facts[FALLBACK], desk.rows[0].user_id) == (True, "1", 1)


def test_without_a_fallback_the_call_is_held_and_others_pass(parcel):
    desk = Desk(fallback_employee=None)
    held, passed = sorted(
        desk.advance(parcel(1, employee="102"), parcel(2)), key=lambda each: each.delivery_id
    )
    assert (held.failure, held.code, held.alone, held.sent) == (
        Failure.CONFIGURATION, "employee-unknown", True, False,
    )  # fmt: skip
    assert passed.done


def test_a_fallback_who_is_none_holds_the_call(parcel):
    desk = Desk(fallback_employee=999)
    outcome = desk.bring(parcel(employee="102"))
    assert (outcome.failure, outcome.alone) == (Failure.CONFIGURATION, True)


def test_a_limit_of_requests_is_no_failure_of_a_call(desk, parcel):
    desk.portal.switch("query-limit", on=True, times=1)
    outcome = desk.advance(parcel())[0]
    assert outcome.failure is Failure.WAIT
    assert outcome.retry_at == pytest.approx(desk.bench.clock.now().timestamp() + 2)


def test_a_recording_that_cannot_be_fetched_is_tried_again_alone(desk, parcel):
    desk.portal.records.fetch = lambda url: (404, b"")
    outcome = desk.bring(parcel())
    assert (outcome.failure, outcome.alone, outcome.step) == (Failure.RETRY, True, "finished")
    desk.portal.records.fetch = None
    assert desk.bring(parcel(step=outcome.step, facts=outcome.facts)).done
    assert len(desk.rows) == 1


def test_a_recording_that_comes_later_is_put_to_the_same_call(desk, parcel):
    done = desk.bring(parcel(recording_url=None))
    later = desk.bring(parcel(step=done.step, facts=done.facts, revision=1))
    assert later.done
    assert len(desk.rows) == 1
    assert desk.portal.store.files[desk.rows[0].record_file_id].note == "https://rec.example/1.mp3"


def test_employees_that_cannot_be_read_say_nothing_about_a_call(desk, parcel):
    desk.portal.switch("not-json", on=True, operations="user.get")
    outcome = desk.advance(parcel())[0]
    assert outcome.failure in {Failure.RETRY, Failure.WAIT}


def test_a_dead_portal_is_asked_once(desk, parcel):
    desk.portal.switch("reset", on=True)
    desk.advance(parcel(facts={}))
    desk.look_up(parcel())
    assert len(desk.portal.operations) == 2


def test_after_others_it_counts_on_no_burst(desk):
    desk.crm.taken_over()
    pacer = desk.crm.client.pacer
    assert [pacer.take(), pacer.take()] == [0, 0.5]
