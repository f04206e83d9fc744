"""What a signed playbook may name and do in a session, and what becomes of it when the line breaks."""

from __future__ import annotations

import threading

import pytest
from signed_runs import GUIDING, KEY, Customer, Shop
from signed_wishes import denied, refused, wish

from playbooks.engine.journal import read
from playbooks.engine.state import Outcome
from supportctl.core.errors import SupportctlError, UsageError


@pytest.fixture
def shop(tmp_path):
    """Return what makes the two computers."""
    made: list[Shop] = []

    def make(*answers: bool, **more) -> Shop:
        made.append(Shop(tmp_path, Customer(*answers), **more))
        return made[-1]

    yield make
    for each in made:
        each.close()


# --- what a session may name ------------------------------------------------------------------------------


def test_a_playbook_that_changes_nothing_runs_without_consent(shop):
    shop = shop()
    shop.write("look-only", GUIDING)
    played = shop.run("look-only", ticket="")
    assert played.result.state.finish.outcome is Outcome.HANDED_OVER
    assert shop.customer.questions == []
    assert ("tell", "plug") in shop.supporter.seen


def test_a_playbook_that_changes_something_is_no_guide(shop):
    shop = shop(True, True)
    shop.write()
    params = wish(shop)
    assert denied(shop, "playbook.guide", params) == "signing.needs-fix"
    assert shop.customer.questions == []


@pytest.mark.parametrize(
    ("given", "key"),
    [("@/etc/passwd", "signing.local-only"), ("escpos+serial:///etc/passwd", "remote.target-port"),
     ("escpos+tcp://192.0.2.1:9100?password=secret://env/HOME", "remote.target-secret"),
     ("escpos+tcp://8.8.8.8:9100", "remote.target-host"), ("stranger", "check.unknown-name")],
)  # fmt: skip
def test_targets_from_the_wire_are_bound(shop, given, key):
    shop = shop()
    shop.write("look-only", GUIDING)
    assert refused(shop, "look-only", settings=(f"printer={given}",), ticket="") == key


def test_a_file_is_no_parameter_of_a_guide(shop):
    shop = shop()
    asks = "parameters:\n  path: {title: {en: File, ru: Файл}, kind: file}\n"
    shop.write("look-only", GUIDING, more=asks)
    assert refused(shop, "look-only", settings=("path=/etc/passwd",), ticket="") == "signing.local-only"


def test_a_parameter_leads_an_action_no_further_than_a_role(shop):
    acting = """\
parameters:
  where: {title: {en: Where, ru: Где}}
steps:
  - {id: drawer, act: {action: drawer.open, params: {target: "{params.where}"}}}
  - id: over
    hand_over: {to: second-line, reason: {en: It did not help., ru: Не помогло.}}
"""
    shop = shop(True, True)
    shop.write("drawer", acting)
    shop.run("drawer", settings=("where=escpos+tcp://8.8.8.8:9100",))
    assert ("failed", "remote.target-host") in shop.supporter.seen
    assert len(shop.customer.questions) == 1


def test_one_run_at_a_time(shop):
    shop = shop(True, True, True)
    shop.write()
    told = []

    def second() -> None:
        with pytest.raises(SupportctlError) as error:
            shop.client.call("playbook.run", wish(shop), deadline_s=10)
        told.append(error.value.key)

    shop.supporter.on_ask = second
    assert shop.run().result.state.finish.outcome is Outcome.SOLVED
    assert told == ["signing.other-run"]


def test_another_run_cannot_be_answered(shop):
    shop = shop()
    for method, more in (
        ("playbook.answer", {"number": 1, "kind": "text", "value": "x"}),
        ("playbook.news", {}),
    ):
        assert denied(shop, method, {"run": "0" * 32, **more}) == "signing.no-such-run"


@pytest.mark.parametrize("answer", ["maybe", "да", "yes ", "\u202eyes"])
def test_an_answer_that_fits_no_question_is_refused(shop, answer):
    shop = shop(True)
    shop.write()
    shop.supporter.answer = answer
    assert refused(shop) == "signing.bad-answer"
    (copy,) = (shop.folder / "our-runs").glob("*.jsonl")
    assert read(copy).ended.outcome == "paused"


# --- lines that break -------------------------------------------------------------------------------------


def test_a_broken_line_pauses_the_question_and_the_run_goes_on(shop):
    shop = shop(True, True)
    shop.write()
    cuts = iter([shop.cut])
    shop.supporter.on_ask = lambda: next(cuts, bool)() and None
    played = shop.run(comes_back=True)
    assert shop.port == "COM4"
    assert played.result.state.finish.outcome is Outcome.SOLVED
    assert [each for each in shop.supporter.seen if each[0] == "ask"] == [("ask", "lamp")]


def test_a_line_that_breaks_beside_the_device_repeats_and_loses_nothing(shop):
    shop = shop(True, True)
    shop.write()
    checks = []

    def check() -> None:
        checks.append(1)
        shop.cut()

    shop.hands.on_check = staticmethod(check)
    played = shop.run(comes_back=True)
    assert checks == [1]
    assert played.result.state.finish.outcome is Outcome.SOLVED
    (theirs,) = (shop.folder / "their-runs").glob("*.jsonl")
    assert read(played.path).events == read(theirs).events


def test_a_line_that_is_gone_leaves_both_sides_with_a_run_that_was_put_aside(shop):
    shop = shop(True, True)
    shop.write()
    shop.supporter.on_ask = shop.cut
    assert refused(shop) in {"remote.unclear", "remote.closed"}
    shop.session.stop()
    (copy,) = (shop.folder / "our-runs").glob("*.jsonl")
    assert read(copy).ended.outcome == "paused"
    for thread in (each for each in threading.enumerate() if each.name.startswith("request")):
        thread.join(5)
    (theirs,) = (shop.folder / "their-runs").glob("*.jsonl")
    assert read(theirs).ended.outcome == "paused"


def test_a_session_that_is_over_begins_nothing(shop):
    shop = shop(True, True)
    shop.write()

    def asks(question, deadline, withdrawn):
        if len(shop.customer.questions):
            shop.session.stop()  # the customer ends it while they are asked
        shop.customer.questions.append(question)
        return True

    shop.customer.asks = asks
    played = shop.run()
    assert played.result.paused
    assert shop.port == "COM3"


def test_words_of_the_other_side_are_safe_to_show(shop):
    shop = shop(True, True)
    shop.write()
    seen = []
    shop.supporter.failed = lambda code, words: seen.append(str(words))
    shop.client._heard, heard = None, shop.client._heard

    def spoiled(message):
        progress = message.get("progress", {})
        if "failed" in progress:
            progress["words"] = {"x\x1b": "\x1b[2J\u202e"}
        heard(message)

    shop.client._heard = spoiled
    shop.run()
    assert seen
    assert not any("\x1b" in each or "\u202e" in each for each in seen)


def test_the_key_of_these_tests_is_nobody_s():
    assert KEY.private_bytes_raw() == bytes(range(32))


def test_the_supporter_needs_a_ticket(shop):
    shop = shop(True, True)
    shop.write()
    with pytest.raises(UsageError):
        shop.run(ticket="")
