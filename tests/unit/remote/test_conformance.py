"""What every way to another machine keeps to: the same requests, answers, refusals and ends."""

from __future__ import annotations

import threading

import pytest

from supportctl.core.errors import SupportctlError


def test_it_says_hello_and_answers(way):
    assert way.client.hello.tool_version == "1.2.3"
    answer = way.client.call("about", deadline_s=5.0)
    assert answer["hello"] == "привет"
    assert 0 < answer["remaining"] <= 5.0


def test_progress_comes_while_it_works(way):
    seen = []
    answer = way.client.call("check", {"targets": ["escpos+tcp://192.0.2.1"]}, on_progress=seen.append)
    assert answer == {"targets": ["escpos+tcp://192.0.2.1"]}
    assert seen == [{"number": 0}, {"number": 1}, {"number": 2}]


def test_an_unknown_method_is_refused(way):
    for name in ("shell", "exec", "", "about.x", "__class__"):
        with pytest.raises(SupportctlError) as refused:
            way.client.call("about") if name == "about" else way.client._ask(_asked(way.client, name))
        assert refused.value.key == "remote.unknown-method"


def test_what_no_one_has_allowed_is_denied_and_not_done(way):
    params = {"files": {"a.yaml": "x"}, "signatures": {"a.yaml": "y"}, "name": "a", "ticket": "T-1"}
    with pytest.raises(SupportctlError) as refused:
        way.client.call("playbook.run", params)
    assert refused.value.key == "remote.denied"
    assert way.handlers.calls == []


def test_wrong_parameters_are_refused(way):
    wrong = (
        {"nonsense": 1},
        {"targets": "x"},
        {"targets": [1]},
        {"deadline": True},
        {"targets": ["a\x1b[2J"]},
    )
    for params in wrong:
        with pytest.raises(SupportctlError) as refused:
            way.client.call("check", params)
        assert refused.value.key == "remote.bad-params", params
    assert way.handlers.calls == []


def test_a_crash_ends_one_request_only_and_its_words_are_safe(way):
    with pytest.raises(SupportctlError) as failed:
        way.client.call("identify", {"target": "x"})
    assert failed.value.key == "remote.failed"
    assert "\x1b" not in failed.value.args_by_name["reason"]
    assert way.client.call("about")["hello"] == "привет"


def test_a_deadline_cancels_on_the_other_side(way):
    with pytest.raises(SupportctlError) as late:
        way.client._ask(_asked(way.client, "ports", deadline_s=-1.9))
    assert late.value.key == "remote.no-answer"
    assert way.handlers.cancelled.wait(5)


def test_many_at_once_are_answered_each(way):
    answers: list[object] = []
    threads = [threading.Thread(target=lambda: answers.append(way.client.call("about"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(answers) == 8


def test_a_line_that_breaks_repeats_nothing(way):
    results: list[object] = []
    asking = threading.Thread(
        target=lambda: results.append(way.client.call("ports", deadline_s=20.0, back=way.attach))
    )
    asking.start()
    assert way.handlers.at_work.wait(5)
    way.cut()
    way.handlers.hold.set()
    asking.join(10)
    assert results == [{"held": True}]
    assert way.handlers.calls.count("ports") == 1


def test_without_another_line_it_says_so(way):
    failed: list[SupportctlError] = []

    def ask() -> None:
        try:
            way.client.call("ports", deadline_s=20.0)
        except SupportctlError as error:
            failed.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    assert way.handlers.at_work.wait(5)
    way.cut()
    asking.join(10)
    assert [error.key for error in failed] == ["remote.closed"]


def _asked(client, method, deadline_s=5.0):
    import queue

    from supportctl.remote.client import _Asked
    from supportctl.remote.frames import frame

    news = queue.SimpleQueue()
    request = f"x-{method}"
    client._waiting[request] = news
    body = frame({"id": request, "method": method, "params": {}, "deadline_s": 60.0})
    return _Asked(request, method, body, news, deadline_s, None, None)
