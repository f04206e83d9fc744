"""The reader against the lab's portal: all calls of a window, whatever happens to its requests."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from bitrix24_lab import KNOWN_PHONE, START, Lab, call_at
from hypothesis import given
from hypothesis import strategies as st

from integrations.crm.reader import CrmCall, Employee, Progress
from integrations.lab.bitrix24.errors import NOT_IN_BATCH
from integrations.lab.portal import Said
from supportctl.core.call import Rejected
from supportctl.core.failure import Failure, ServiceError

STATISTICS = "voximplant.statistic.get"


def ids(records):
    return [record.external_id for record in records]


@pytest.mark.parametrize("count", [0, 1, 49, 50, 51, 100, 149, 450, 1203])
@pytest.mark.parametrize("pages", [1, 50])
def test_every_call_once_and_in_order(lab, count, pages):
    calls = lab.plant(count)
    records = lab.read(pages_per_request=pages, created=False)
    assert ids(records) == [call.call_id for call in calls]


def test_many_pages_are_one_request(lab):
    lab.plant(5000)
    assert len(lab.read(created=False)) == 5000
    assert len(lab.portal.operations) <= 8  # profile, the first page, 8, 16, 32, 43 pages
    assert lab.portal.executed[STATISTICS] <= 101


def test_only_the_window_and_by_instants_not_by_text(lab):
    calls = lab.plant(10, seconds=60)
    since, until = START - timedelta(minutes=8), START - timedelta(minutes=3)
    found = list(lab.reader().records(since, until, lab.deadline()))
    assert ids(found) == [call.call_id for call in calls if since <= call.started_at < until]
    assert len(found) == 5


def test_filters_are_written_in_the_portals_own_zone(lab):
    """Then a portal that drops the offset is asked for the right hours, too."""
    lab.plant(1)
    asked = []
    answer = lab.portal.answer
    lab.portal.answer = lambda request, operation: (asked.append(request), answer(request, operation))[1]
    lab.read()
    wanted = json.loads(asked[1].body)["FILTER"]
    assert wanted[">=CALL_START_DATE"] == "2026-10-21T11:59:00+03:00"


def test_when_a_call_came_in_is_what_its_activity_says(lab):
    late = START + timedelta(hours=3)
    call = call_at("late", START - timedelta(minutes=5))
    lab.portal.plant_call(call, employee="17", contact=lab.contact, created_at=late)
    lab.portal.plant_call(call, employee="17")  # nobody's card: no activity
    assert [record.created_at for record in lab.read()] == [late, None]


def test_a_key_that_may_not_read_the_crm_still_reads_calls(lab):
    lab.plant(120)
    lab.portal.scopes = ("telephony", "user")
    records = lab.read()
    assert len(records) == 120
    assert {record.created_at for record in records} == {None}


def test_progress_is_told(lab):
    lab.plant(120)
    told = []
    list(lab.reader().records(START - timedelta(days=1), START, lab.deadline(), told.append))
    assert told == [Progress(50, 120), Progress(120, 120)]


def test_a_row_that_cannot_be_read_is_told_with_its_place(lab):
    lab.plant(60)
    document = lab.portal.store.statistic_document

    def odd(row):
        found = document(row)
        return {**found, "CALL_START_DATE": "soon"} if row.id == 52 else found

    lab.portal.store.statistic_document = odd
    found = lab.read()
    assert [each for each in found if isinstance(each, Rejected)] == [
        Rejected(52, "crm.record-unreadable", {"field": "CALL_START_DATE"})
    ]
    assert len(found) == 60


@pytest.mark.parametrize("fault", ["query-limit", "reset", "server-error", "not-json", "lost-answer"])
def test_a_passing_fault_loses_nothing(lab, fault):
    calls = lab.plant(600)
    reader = lab.reader(pages_per_request=3)
    records = []
    for number, record in enumerate(reader.records(START - timedelta(days=1), START, lab.deadline())):
        if number % 97 == 0:
            lab.portal.switch(fault, on=True, times=1)
        records.append(record)
    assert ids(records) == [call.call_id for call in calls]


def test_a_batch_that_fails_in_part_loses_nothing(lab):
    calls = lab.plant(600)
    lab.portal.switch("broken-batch", on=True)
    records = lab.read()
    assert ids(records) == [call.call_id for call in calls]
    assert all(record.created_at for record in records)


def test_a_portal_without_batches_is_read_page_by_page(lab):
    calls = lab.plant(600)

    def none_here(*_):
        raise NOT_IN_BATCH

    lab.portal._batch = none_here
    assert ids(lab.read(created=False)) == [call.call_id for call in calls]
    assert lab.portal.operations.count("batch") == 1


@pytest.mark.parametrize("pages", [1, 50])
def test_a_limit_that_is_met_all_the_same_is_waited_for(pages):
    """Other programs with the same key, or a lower limit than documented."""
    lab = Lab(operating_limit_s=1.0)
    calls = lab.plant(1500)
    reader = lab.reader(pages_per_request=pages, created=False)
    found = list(reader.records(START - timedelta(days=1), START, lab.deadline(100_000)))
    assert ids(found) == [call.call_id for call in calls]
    assert lab.clock.monotonic() >= 500


def test_a_limit_that_ends_after_the_deadline_is_told():
    lab = Lab(operating_limit_s=1.0)
    lab.plant(1500)
    with pytest.raises(ServiceError) as caught:
        list(lab.reader(pages_per_request=1).records(START - timedelta(days=1), START, lab.deadline(60)))
    assert caught.value.failure is Failure.WAIT
    assert caught.value.retry_at is not None


@pytest.mark.parametrize("fault", ["overload-blocked", "invalid-credentials", "no-statistics-right"])
def test_a_refusal_ends_the_reading(lab, fault):
    lab.portal.switch(fault, on=True)
    with pytest.raises(ServiceError):
        lab.read()


@pytest.mark.parametrize("pages", [1, 50])
def test_a_portal_that_repeats_its_pages_for_ever_ends(lab, pages):
    lab.plant(200)
    split = lab.portal.store.statistics.conditions
    lab.portal.store.statistics.conditions = lambda wanted: [c for c in split(wanted) if c.field != "ID"]
    with pytest.raises(ServiceError, match="paging"):
        lab.read(pages_per_request=pages)
    assert len(lab.portal.operations) < 10


def test_employees_with_the_dismissed(lab):
    for number in range(100, 170):
        lab.portal.plant_employee(Employee(str(number), f"User {number}", ""))
    found = lab.reader().employees(lab.deadline())
    assert len(found) == 73
    assert found[1] == Employee("5", "Petr Belov", "106", active=False)


def test_a_list_of_users_that_does_not_end_is_left(lab):
    table = lab.portal.store.users
    page = table.page
    table.page = lambda *a, start, **more: page(*a, start=0, **more)._replace(next=start + 50)
    with pytest.raises(ServiceError, match="does not end"):
        lab.reader().employees(lab.deadline())


def test_find_by_external_id_in_few_requests(lab):
    calls = lab.plant(200)
    asked = [*calls[:120], call_at("nowhere", START, phone="+79995550000")]
    found = lab.reader().find(asked, lab.deadline())
    assert set(found) == {call.call_id for call in calls[:120]}
    assert all(len(records) == 1 for records in found.values())
    assert len(lab.portal.operations) <= 6


def test_find_tells_every_record_of_a_call(lab):
    call = call_at("twice", START)
    for _ in range(3):
        lab.portal.plant_call(call, employee="17")
    assert len(lab.reader().find([call], lab.deadline())["twice"]) == 3


def test_find_by_phone_and_time_among_rows_without_an_id(lab):
    near, far = call_at("near", START), call_at("far", START - timedelta(hours=1))
    lab.portal.plant_call(near, employee="17", external_id=False, started_at=START + timedelta(seconds=40))
    lab.portal.plant_call(call_at("other", START), employee="17")  # another call, with an id of its own
    lab.portal.plant_call(far._replace(contact_phone=KNOWN_PHONE[1:]), employee="17", external_id=False)
    found = lab.reader().find([near, far, call_at("gone", START + timedelta(hours=5))], lab.deadline())
    assert {call_id: len(records) for call_id, records in found.items()} == {"near": 1, "far": 1}


def test_not_there_is_believed_only_of_a_filter_for_this_id(lab):
    """Arrays in a filter of EXTERNAL_CALL_ID are not verified: as good as no filter, or never a match."""
    calls = lab.plant(130)
    lab.portal.switch("array-filter-ignored", on=True)
    reader = lab.reader()
    missing = call_at("nowhere", START, phone="+79995550000")
    assert set(reader.find([*calls[60:], missing], lab.deadline())) == {call.call_id for call in calls[60:]}
    lab.portal.executed.clear()
    reader.find(calls[:3], lab.deadline())
    assert lab.portal.executed[STATISTICS] == 3  # it has learned: no array any more


def test_an_array_that_matches_nothing_is_not_believed(lab):
    calls = lab.plant(60)
    value = lab.portal.store.statistics._value
    lab.portal.store.statistics._value = lambda name, wanted: value(
        name, "Array" if isinstance(wanted, list) else wanted
    )
    reader = lab.reader()
    assert len(reader.find(calls, lab.deadline())) == 60
    assert reader._arrays is False


def test_find_of_nothing_asks_nothing(lab):
    assert lab.reader().find([], lab.deadline()) == {}
    assert lab.portal.operations == []


def test_find_does_not_say_not_there_of_a_row_that_it_cannot_read(lab):
    calls = lab.plant(1)
    document = lab.portal.store.statistic_document
    lab.portal.store.statistic_document = lambda row: {**document(row), "CALL_START_DATE": None}
    with pytest.raises(ServiceError, match="record-unreadable"):
        lab.reader().find(calls, lab.deadline())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["result", "result_error", "time", "next", "total", "ID", "CALL_START_DATE", "c0", "c1"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(st.lists(JSON, min_size=1, max_size=3))
def test_whatever_a_portal_answers_ends_in_records_or_an_error(answers):
    lab = Lab(rate=0)
    count = iter(range(10**9))

    def answer(*_):
        body = answers[next(count) % len(answers)]
        return Said(200, json.dumps(body if isinstance(body, dict) else {"result": body}).encode())

    lab.portal.answer = answer
    reader = lab.reader()
    for ask in (
        lambda: lab.read(reader),
        lambda: reader.employees(lab.deadline()),
        lambda: reader.find([call_at("a", START)], lab.deadline()),
    ):
        try:
            found = ask()
        except ServiceError:
            continue
        assert all(isinstance(each, CrmCall | Rejected | Employee | str) for each in found)
