"""A mass failure as the desk has it: twenty real sites asked at once, the alarm, and who was affected."""

from __future__ import annotations

import json

import pytest
from terminal import Terminal, plain

from probes.lab.lab import Lab
from probes.lab.scenario import DeviceSpec, Scenario

BROKEN = (2, 3, 5, 8, 11, 13, 17)


@pytest.fixture(scope="module")
def sites():
    specs = tuple(
        DeviceSpec(f"shop-{n}", "escpos", ("tcp",), faults=("paper-out",) if n in BROKEN else ())
        for n in range(1, 21)
    )
    with Lab.from_scenario(Scenario("chain", specs)) as running:
        yield running


@pytest.fixture
def desk(tmp_path):
    config = tmp_path / "supportctl.yaml"
    config.write_text(f"site: {{id: shop-5}}\nplaybooks: {{runs: {tmp_path / 'runs'}}}\n")
    return ["--config", str(config)]


def answers(tmp_path, *words):
    path = tmp_path / "answers.yaml"
    path.write_text(json.dumps(words))
    return str(path)


def alarm_on(supportctl, desk, *words):
    done = supportctl(
        *desk, "playbook", "alarm", "on", "--text-en", "We know.", "--text-ru", "Мы знаем.", *words
    )
    assert done.exit_code == 0, done.err


def test_seven_of_twenty_sites_are_hit(supportctl, sites, desk, tmp_path):
    listed = tmp_path / "sites.txt"
    listed.write_text(
        "# the chain\n" + "".join(f"{sites.url(f'shop-{n}')}  Shop {n}\n" for n in range(1, 21))
    )
    file = answers(tmp_path, {"how-many": "done"}, {"caller": "no"})
    words = ["--set", f"sites=@{listed}", "--answers", file, "--ticket", "M-1"]
    done = supportctl(*desk, "--lang", "en", "playbook", "run", "mass-failure", *words)
    assert done.exit_code == 0, done.err
    assert "7 of 20 sites are hit. Shop 2, Shop 3, Shop 5, Shop 8, Shop 11, Shop 13, Shop 17" in " ".join(
        done.out.split()
    )
    (row,) = json.loads(supportctl(*desk, "playbook", "affected", "--format", "json").out)["affected"]
    assert (row["ticket"], row["site"], row["outcome"]) == ("M-1", "shop-5", "out-of-scope")
    assert row["sites"] == {"asked": 20, "hit": 7, "names": ", ".join(f"Shop {n}" for n in BROKEN)}


def test_a_customer_who_is_hit_gets_the_ready_answer_and_is_recorded(supportctl, sites, desk, tmp_path):
    alarm_on(supportctl, desk, "--tags", "printer", "--until", "2h")
    file = answers(tmp_path, "part", "nine o'clock", "seen")
    words = ["--set", f"printer={sites.url('shop-1')}", "--answers", file, "--ticket", "T-77"]
    hit = supportctl(*desk, "--lang", "ru", "playbook", "run", "printer-paper", *words, "--alarm", "yes")
    assert hit.exit_code == 0, hit.err
    assert "МАССОВЫЙ СБОЙ" in hit.err
    assert "Мы знаем." in hit.out
    (row,) = json.loads(supportctl(*desk, "playbook", "affected", "--format", "json").out)["affected"]
    assert row["ticket"] == "T-77"
    assert row["instead_of"] == "printer-paper"
    assert row["answers"] == {"sees": "part", "since": "nine o'clock"}
    told = supportctl(*desk, "--lang", "en", "playbook", "affected").out
    assert "T-77  shop-5  not ours" in told


def test_a_customer_who_is_not_hit_and_another_trouble_go_their_own_way(supportctl, sites, desk, tmp_path):
    alarm_on(supportctl, desk, "--tags", "printer")
    file = answers(tmp_path, "no")
    words = ["--set", f"printer={sites.url('shop-1')}", "--answers", file]
    own = supportctl(*desk, "--lang", "en", "playbook", "run", "printer-paper", *words, "--alarm", "no")
    assert "MASS FAILURE" in own.err
    assert "ready" in own.out
    alarm_on(supportctl, desk, "--tags", "crm")
    other = supportctl(*desk, "--lang", "en", "playbook", "run", "printer-paper", *words, "--alarm", "yes")
    assert "MASS FAILURE" not in other.err
    affected = json.loads(supportctl(*desk, "playbook", "affected", "--format", "json").out)
    assert affected == {"schema": "supportctl.affected/1", "affected": []}


def test_an_alarm_that_cannot_be_read_stops_nobody(supportctl, sites, desk, tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/alarm.json").write_text("{")
    words = ["--set", f"printer={sites.url('shop-1')}", "--answers", answers(tmp_path, "no")]
    done = supportctl(*desk, "--lang", "en", "playbook", "run", "printer-paper", *words)
    assert done.exit_code == 0
    assert "The alarm's file cannot be read" in done.err


def test_at_a_terminal_the_question_comes_first(supportctl, sites, desk):
    alarm_on(supportctl, desk)
    words = [
        *desk,
        "--lang",
        "en",
        "playbook",
        "run",
        "printer-paper",
        "--set",
        f"printer={sites.url('shop-1')}",
    ]
    with Terminal(words, {}) as terminal:
        terminal.until("Is this customer hit by it?")
        terminal.press("what\r")
        terminal.until("Is this customer hit by it?")
        terminal.press("y\r")
        terminal.until("What works at your shop right now?")
        terminal.press("4")
        assert terminal.ended() == 0
        assert "Then the failure is over" in plain(terminal.raw)
