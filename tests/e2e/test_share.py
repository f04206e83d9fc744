"""A customer and a supporter, each in a real terminal, through a real bastion."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

import pytest
from share_desks import Desks
from terminal import plain

import supportctl as package
from probes.lab.lab import Lab
from probes.lab.scenario import DeviceSpec, Scenario
from supportctl.app.share_plan import code_session
from supportctl.core.clock import SystemClock
from supportctl.core.errors import SupportctlError

TEXTS = Path(package.__file__).parent / "catalog/en/errors/share.toml"
pytestmark = pytest.mark.peer("bastion")
ASKED = {"en": "the answer is no.", "ru": "ответ будет «нет»."}
CODE = re.compile(r"[0-9A-Z]{4}(?:-[0-9A-Z]{4}){4}")


@pytest.fixture(scope="module")
def lab():
    with Lab.from_scenario(Scenario("one", (DeviceSpec("till", "escpos", ("tcp",)),))) as running:
        yield running


@pytest.fixture
def desks(bastion, lab, tmp_path):
    return Desks(bastion, lab, tmp_path)


def code_of(customer, waits_for="Press q"):
    customer.until(waits_for)
    return CODE.search(plain(customer.raw))[0]


def test_a_check_beside_the_device_while_the_customer_watches(desks, supportctl, lab):
    with desks.share() as customer:
        code = code_of(customer)
        with desks.connect(code) as supporter:
            supporter.until("q ends")
            assert "ask its devices, read-only" in plain(supporter.raw)
            customer.until("Support desk 7 is connected")
            lab.fault("till", "paper-out")
            words = ("--config", str(desks.desk), "check", "receipt-printer", "--format", "json")
            ended = supportctl(*words, "--on", f"code:{code}")
            lab.clear("till")
            report = json.loads(ended.out)
            assert ended.exit_code == 3
            assert [f["code"] for f in report["findings"] if f["status"] == "fault"] == ["printer.paper-out"]
            customer.until("answers that are fine")
            assert "Support desk 7: checks receipt-printer" in plain(customer.raw)
            assert "receipt-printer: The receipt printer is out of paper" in plain(customer.raw)
            customer.press("q")
            assert customer.ended() == 0
            assert "You have ended the session" in plain(customer.raw)
            assert customer.is_restored()
            assert supporter.ended() == 0
            assert "The customer has ended the session" in plain(supporter.raw)


def asks_to_fix(desks, code):
    """Ask for the run in a thread, with a supporter who wishes for every step; return what becomes of it."""
    session = code_session(code, desks.desk, SystemClock())
    session.open()
    outcome: dict[str, object] = {}

    def work() -> None:
        try:
            outcome["result"] = session.client.call("playbook.run", desks.run, deadline_s=30)
        except SupportctlError as error:
            outcome["refused"] = error.key
        session.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread, outcome


YES = {"en": "You have allowed it, once.", "ru": "Вы разрешили это, один раз."}
NO = {"en": "Nothing is changed.", "ru": "Ничего не меняется."}
BEGIN = {"en": "Press q", "ru": "Нажмите q"}


@pytest.mark.parametrize(
    ("lang", "answers"), [("en", ["\r", "no\r", "y\r", "\x1b"]), ("ru", ["\r", "нет\r", "д\r"])]
)
def test_what_is_not_a_whole_yes_is_no(desks, lang, answers):
    with desks.share(lang=lang) as customer:
        code = code_of(customer, BEGIN[lang])
        for typed in answers:
            thread, outcome = asks_to_fix(desks, code)
            customer.until(ASKED[lang])
            shown = plain(customer.raw)
            assert "receipt-printer" in shown
            assert "till-test" in shown
            assert "SHA256:" in shown  # who has signed it
            customer.press(typed)
            customer.until(NO[lang])
            thread.join(10)
            assert outcome == {"refused": "remote.denied"}
        assert desks.settings.read_text() == "[main]\nport = 4\n"
        customer.press("q")
        assert customer.ended() == 0


def test_a_session_that_ends_in_the_middle_of_a_run_changes_nothing(desks):
    with desks.share() as customer:
        thread, outcome = asks_to_fix(desks, code_of(customer))
        customer.until_true(lambda: ASKED["en"] in plain(customer.raw) or outcome)
        assert not outcome
        customer.press("lf\r")  # "да" on a Latin layout
        customer.until(YES["en"])
        customer.press("q")
        assert customer.ended() == 0
        thread.join(15)
        assert not thread.is_alive()
        assert desks.settings.read_text() == "[main]\nport = 4\n"


@pytest.mark.parametrize(
    ("lang", "yes", "fault", "value", "code"),
    [("en", "yes\r", None, "9", 0), ("ru", "да\r", "paper-out", "4", 6)],
)
def test_a_signed_playbook_to_its_end(desks, lab, lang, yes, fault, value, code):
    """Asked twice, for the run and for what it changes; changed for good where it helps, else undone."""
    answers = desks.till.with_name("answers.yaml")
    answers.write_text("[yes]\n")
    with desks.share(lang=lang) as customer:
        words = (
            "--on",
            f"code:{code_of(customer, BEGIN[lang])}",
            "--ticket",
            "T-1042",
            "--answers",
            str(answers),
        )
        roles = ("--set", "printer=receipt-printer")
        run = ("playbook", "run", str(desks.playbook), *roles, "--no-tell", *words)
        if fault:
            lab.fault("till", fault)
        try:
            with desks.supporter(*run) as supporter:
                customer.until(ASKED[lang])
                customer.press(yes)
                customer.until(YES[lang])
                customer.until(ASKED[lang])
                assert "main/port" in plain(customer.raw)
                assert desks.settings.read_text() == "[main]\nport = 4\n"
                customer.press(yes)
                customer.until(YES[lang])
                assert supporter.ended() == code
        finally:
            lab.clear("till")
        assert desks.settings.read_text() == f"[main]\nport = {value}\n"
        customer.press("q")
        assert customer.ended() == 0


def test_a_bridge_is_refused_then_given_and_a_check_goes_over_it(desks, supportctl, lab):
    target = lab.url("till").removeprefix("escpos+")
    with desks.share() as customer:
        words = ("bridge", target, "--on", f"code:{code_of(customer)}")
        with desks.supporter(*words) as supporter:
            customer.until(ASKED["en"])
            shown = plain(customer.raw)
            assert "everything that the device understands" in shown
            assert target in shown
            customer.press("\r")
            customer.until("Nothing is changed.")
            assert supporter.ended() == 1
            assert "The customer has not allowed this." in plain(supporter.raw)
        with desks.supporter(*words) as supporter:
            customer.until(ASKED["en"])
            customer.press("yes\r")
            supporter.until("One program at a time.")
            place = re.search(r"tcp://127\.0\.0\.1:\d+", plain(supporter.raw))[0]
            ended = supportctl("check", f"escpos+{place}", "--only", "escpos*", "--format", "json")
            found = {each["code"]: each["status"] for each in json.loads(ended.out)["findings"]}
            assert found["printer.paper"] == "ok", ended.out
            supporter.interrupt()
            assert supporter.ended() == 0
            assert "The bridge is closed" in plain(supporter.raw)
            customer.until("the direct line is closed")
        with desks.supporter(*words) as supporter:  # ended by the customer
            customer.until(ASKED["en"])
            customer.press("yes\r")
            supporter.until("One program at a time.")
            customer.press("q")
            assert customer.ended() == 0
            assert supporter.ended() == 0
            assert "the customer has ended the session" in plain(supporter.raw)


def test_what_was_typed_before_the_question_answers_nothing(desks):
    with desks.share() as customer:
        code = code_of(customer)
        customer.press("yes\ryes\r")
        thread, outcome = asks_to_fix(desks, code)
        customer.until(ASKED["en"])
        customer.press("\r")
        customer.until("Nothing is changed.")
        thread.join(10)
        assert outcome == {"refused": "remote.denied"}
        customer.press("q")
        customer.ended()


def test_a_changed_playbook_is_refused_and_nobody_is_asked(desks):
    desks.run["files"]["till-test.yaml"] += "# one byte more\n"
    with desks.share() as customer:
        thread, outcome = asks_to_fix(desks, code_of(customer))
        thread.join(10)
        assert str(outcome["refused"]).startswith("signing.")
        assert "ASKS TO CHANGE" not in plain(customer.raw)


def test_read_only_asks_nobody(desks):
    with desks.share("--read-only") as customer:
        thread, outcome = asks_to_fix(desks, code_of(customer))
        thread.join(10)
        assert outcome == {"refused": "remote.denied"}
        customer.until("may not do this")
        assert "ASKS TO CHANGE" not in plain(customer.raw)


def test_without_a_terminal_nothing_can_be_changed(desks):
    command = [sys.executable, "-m", "supportctl", "--config", str(desks.till), "share", "--ticket", "T-1042"]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        lines = iter(process.stdout.readline, "")
        code = next(found[0] for line in lines if (found := CODE.search(line)))
        thread, outcome = asks_to_fix(desks, code)
        thread.join(10)
        assert outcome == {"refused": "remote.denied"}
        process.send_signal(signal.SIGINT)
        assert "You have ended the session" in process.communicate(timeout=10)[0]
        assert process.returncode == 0


def test_kill_9_of_the_customer_frees_the_port_and_ends_the_supporter(desks, bastion):
    with desks.share() as customer:
        code = code_of(customer)
        session = code_session(code, desks.desk, SystemClock())
        session.open()
        assert session.client.call("ping") == {}
        os.kill(customer.process.pid, signal.SIGKILL)
        customer.process.wait(10)
        with pytest.raises(SupportctlError):
            session.client.call("about", deadline_s=5)
        session.close()
    end = threading.Event()
    for _ in range(500):
        if not bastion.children():
            break
        end.wait(0.01)
    assert bastion.children() == []
    with desks.share() as customer:  # and the port is there for the next one
        session = code_session(code_of(customer), desks.desk, SystemClock())
        session.open()
        session.close()


def test_kill_9_of_the_supporter_is_seen_and_they_come_back(desks):
    with desks.share() as customer:
        code = code_of(customer)
        with desks.connect(code) as supporter:
            supporter.until("q ends")
            supporter.kill()
            customer.until("broke. They may come back")
        with desks.connect(code) as supporter:
            supporter.until("q ends")
            customer.until("is connected")
            supporter.press("q")
            assert supporter.ended() == 0
        assert customer.ended() == 0
        assert "The supporter has ended the session" in plain(customer.raw)


def test_kill_9_of_the_bastions_processes_is_mended_on_both_sides(desks, bastion):
    with desks.share() as customer:
        code = code_of(customer)
        with desks.connect(code) as supporter:
            supporter.until("q ends")
            bastion.cut()
            customer.until("The line is back")
            supporter.until("The line is back")
            supporter.press("q")
            assert supporter.ended() == 0
        assert customer.ended() == 0


def test_bastion_config_prints_what_the_tests_attack(supportctl, bastion):
    plan = bastion.plan
    ended = supportctl(
        "bastion-config", "--port", str(plan.port), "--ports", ",".join(map(str, plan.ports)),
        "--share-user", plan.share_user, "--staff-user", plan.staff_user, "--folder", plan.folder,
    )  # fmt: skip
    own = (bastion.folder / "sshd_config").read_text()
    assert ended.out == own.replace("StrictModes no\n", "").replace("ListenAddress 127.0.0.1\n", "")
    line = supportctl("bastion-config", "--ports", ",".join(map(str, plan.ports)),
                      "--customer-key", str(bastion.folder / "shop.pub")).out  # fmt: skip
    assert line.split("ssh-ed25519")[0] in (bastion.folder / "customers.keys").read_text()
    assert supportctl("bastion-config", "--principals").out == (bastion.folder / "principals").read_text()


@pytest.mark.parametrize(
    ("words", "key"),
    [
        (["--ticket", " "], "share.ticket"),
        (["--ticket", "T", "--ports", "x"], "share.bad-ports"),
        (["--ticket", "T"], "share.no-bastion"),
        (["--ticket", "T", "--bastion", "h", "--bastion-key", "MD5:x", "--ports", "1"], "share.bad-setting"),
    ],
)
def test_what_is_missing_is_said(supportctl, words, key, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ended = supportctl("share", *words)
    assert ended.exit_code == 2
    assert ended.err
    texts = tomllib.loads(TEXTS.read_text())[key.removeprefix("share.")]
    assert texts["message"] in ended.err
