"""Four trackers, one behaviour: found by the fingerprint in their own fields, never written twice by us."""

from __future__ import annotations

import json

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from integrations.checking import Surroundings
from integrations.lab.catalogue import PORTALS
from integrations.lab.inprocess import InProcess
from integrations.lab.portal import Said
from integrations.registry import TRACKERS
from supportctl.core.accounts import Tracker
from supportctl.core.clock import FakeClock
from supportctl.core.failure import Failure, ServiceError

ADDRESS = "https://tracker.example"
PRINT = "ab12cd34ef56"


def connect(kind, **changes):
    """Return a portal and our client of it, with a pretended clock."""
    clock = FakeClock()
    portal = PORTALS[kind].load()(clock)
    session = requests.Session()
    session.mount(ADDRESS, InProcess(portal))
    account = TypeAdapter(Tracker).validate_python({**portal.account(ADDRESS), **changes})
    module, _, name = TRACKERS[kind].partition(":")
    client = getattr(__import__(module, fromlist=[name]), name)
    return portal, client(account, Surroundings("dev", clock, lambda secret: secret), session=session)


@pytest.fixture(params=sorted(TRACKERS))
def kind(request):
    return request.param


def test_the_way_of_an_issue(kind):
    portal, tracker = connect(kind)
    assert tracker.find(PRINT) is None
    issue = tracker.create(PRINT, "Битрикс24: доступ истёк", "Первый абзац.\nСтрока.\n\nВторой.")
    assert tracker.find(PRINT) == issue
    assert issue.is_open
    tracker.comment(issue, "growing")
    tracker.close(issue, "over")
    (stored,) = portal.state()["issues"]
    assert stored["title"] == f"Битрикс24: доступ истёк [fp:{PRINT}]"
    assert stored["text"] == "Первый абзац.\nСтрока.\n\nВторой."
    assert (stored["open"], stored["comments"]) == (False, ["growing", "over"])
    assert tracker.find(PRINT)._replace(link=issue.link) == issue._replace(is_open=False)


def test_of_several_the_newest_open_one_is_found(kind):
    _portal, tracker = connect(kind)
    first = tracker.create(PRINT, "one", "text")
    second = tracker.create(PRINT, "two", "text")
    tracker.create("ab12cd34ef57", "another problem", "text")
    assert tracker.find(PRINT).number == second.number
    tracker.close(second, "over")
    assert tracker.find(PRINT).number == first.number
    tracker.close(first, "over")
    assert (tracker.find(PRINT).number, tracker.find(PRINT).is_open) == (second.number, False)


def test_a_search_that_finds_too_much_is_looked_through(kind):
    portal, tracker = connect(kind)
    other = tracker.create("000000000000", "another", "text")
    everything = portal.answer
    portal.answer = lambda asked, operation: everything(
        asked._replace(query=(), body=asked.body.replace(PRINT.encode(), b"0" * 12)), operation
    )
    assert tracker.find("000000000000").number == other.number
    assert tracker.find(PRINT) is None


@pytest.mark.parametrize("fault", ["lost-answer", "torn", "never-ending", "not-json", "server-error"])
def test_a_lost_answer_of_a_write_is_ambiguous_and_nothing_is_repeated(kind, fault):
    portal, tracker = connect(kind)
    portal.switch(fault, on=True)
    with pytest.raises(ServiceError) as caught:
        tracker.create(PRINT, "title", "text")
    assert caught.value.failure is Failure.AMBIGUOUS
    assert len(portal.operations) == 1
    assert len(portal.issues) == (fault in {"lost-answer", "torn", "never-ending"})


@pytest.mark.parametrize(
    ("fault", "failure"),
    [
        ("key-revoked", Failure.SIGN_IN),
        ("forbidden", Failure.CONFIGURATION),
        ("throttled", Failure.WAIT),
    ],
)
def test_a_refusal_says_who_mends_it(kind, fault, failure):
    portal, tracker = connect(kind)
    portal.switch(fault, on=True)
    with pytest.raises(ServiceError) as caught:
        tracker.create(PRINT, "title", "text")
    assert caught.value.failure is failure
    assert portal.issues == []


@pytest.mark.parametrize("kind", ["redmine", "jira"])
def test_a_field_that_the_project_wants_is_named(kind):
    portal, tracker = connect(kind)
    portal.switch("required-field", on=True)
    with pytest.raises(ServiceError) as caught:
        tracker.create(PRINT, "title", "text")
    assert (caught.value.failure, "Severity" in caught.value.text) == (Failure.CONFIGURATION, True)


@pytest.mark.parametrize("kind", ["redmine", "jira"])
def test_an_issue_that_we_may_not_close_says_so(kind):
    portal, tracker = connect(kind)
    issue = tracker.create(PRINT, "title", "text")
    portal.switch("no-way-to-close", on=True)
    with pytest.raises(ServiceError) as caught:
        tracker.close(issue, "over")
    assert caught.value.failure is Failure.CONFIGURATION
    assert portal.state()["issues"][0]["comments"] == ["over"]


def test_github_drops_labels_and_the_title_is_enough():
    portal, tracker = connect("github")
    portal.switch("labels-dropped", on=True)
    tracker.create(PRINT, "title", "text")
    assert tracker.find(PRINT).number == "1"


def test_github_says_403_for_its_limits():
    portal, tracker = connect("github")
    portal.switch("secondary-limit", on=True)
    with pytest.raises(ServiceError) as caught:
        tracker.create(PRINT, "title", "text")
    assert (caught.value.failure, caught.value.retry_at is not None) == (Failure.WAIT, True)


def test_a_title_is_never_too_long(kind):
    portal, tracker = connect(kind)
    tracker.create(PRINT, "длинный " * 60, "text")
    title = portal.state()["issues"][0]["title"]
    assert (len(title) <= 255, title.endswith(f"[fp:{PRINT}]")) == (True, True)


def test_a_wrong_project_is_an_error(kind):
    portal, tracker = connect(kind, project="else/where" if kind in {"github", "gitlab"} else "elsewhere")
    with pytest.raises(ServiceError):
        tracker.create(PRINT, "title", "text")
    assert portal.issues == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["issues", "issue", "id", "iid", "number", "key", "fields", "labels", "status",
                         "total_count", "offset", "limit", "title", "subject", "summary", "state",
                         "transitions", "to", "statusCategory", "issue_statuses", "name"]),
        inner, max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(answers=st.lists(JSON, min_size=1, max_size=4), verb=st.sampled_from(["find", "create", "close"]))
def test_whatever_is_answered_ends_in_a_value_or_a_service_error(kind, answers, verb):
    portal, tracker = connect(kind)
    issue = tracker.create(PRINT, "title", "text")
    queue = list(answers)
    portal.answer = lambda asked, operation: Said(
        200, json.dumps(queue.pop(0) if len(queue) > 1 else queue[0]).encode()
    )
    try:
        if verb == "find":
            tracker.find(PRINT)
        elif verb == "create":
            tracker.create(PRINT, "title", "text")
        else:
            tracker.close(issue, "over")
    except ServiceError:
        pass
