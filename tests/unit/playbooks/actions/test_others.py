"""The clock, names, addresses, the configuration, and how programs are started."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from playbooks.actions import clock_set, network
from playbooks.actions.model import LATE, MISSING, Ran
from playbooks.actions.system import MAX_OUTPUT, clean_environment
from supportctl.core.deadline import Deadline
from supportctl.core.errors import SupportctlError, UsageError

SHOW = "timedatectl show"
SET = "timedatectl --no-ask-password set-ntp "
NMCLI_DHCP = (
    "GENERAL.STATE:100 (connected)\nIP4.ADDRESS[1]:192.168.1.7/24\nDHCP4.OPTION[1]:dhcp_lease_time = 600\n"
)
NMCLI_FIXED = "GENERAL.STATE:100 (connected)\nIP4.ADDRESS[1]:192.168.1.7/24\n"
NETWORKD = "  State: routable (configured)\n Address: 192.168.1.7 (DHCP4 via 192.168.1.1)\n"


def time_service(*, can: str = "yes", on: str, right: str) -> Ran:
    return Ran(0, f"CanNTP={can}\nNTP={on}\nNTPSynchronized={right}\n")


def test_the_time_service_is_switched_on_and_off_again(recorded):
    recorded.on(SHOW, time_service(on="no", right="no")).on(SET, Ran(0))
    plan = recorded.plan("clock.set")
    assert not plan.needless
    assert recorded.run(plan).ok
    assert recorded.undo(plan).ok
    assert recorded.ran[1:] == [f"{SET}true", f"{SET}false"]


def test_a_time_service_that_is_on_and_wrong_is_started_anew(recorded):
    recorded.on(SHOW, time_service(on="yes", right="no")).on(SET, Ran(0))
    plan = recorded.plan("clock.set")
    assert recorded.run(plan).ok
    assert recorded.undo(plan).ok
    assert recorded.ran[1:] == [f"{SET}false", f"{SET}true"]


def test_a_clock_that_is_kept_needs_nothing(recorded):
    assert recorded.on(SHOW, time_service(on="yes", right="yes")).plan("clock.set").needless


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (time_service(can="no", on="no", right="no"), "no-time-service"),
        (Ran(1, "", "Failed to connect to bus"), "no-time-service"),
        (Ran(MISSING), "no-program"),
    ],
)
def test_without_a_time_service(recorded, answer, error):
    with pytest.raises(SupportctlError, match=error):
        recorded.on(SHOW, answer).plan("clock.set")


@pytest.fixture
def drift(recorded, monkeypatch):
    """A time server 600 s ahead of a clock that `date` moves; `drift[0]` is how far it is ahead now."""
    ahead: list[float | None] = [600.0]
    run = recorded._run

    def move(words, deadline, given=""):
        if words[0] == "date":
            ahead[0] -= float(words[-1].removeprefix("--set=@")) - recorded.clock.now().timestamp()
        return run(words, deadline, given)

    recorded.place = recorded.place._replace(run=move)
    monkeypatch.setattr(clock_set, "_offset", lambda server, deadline: ahead[0])
    recorded.on("date", Ran(0)).on(SHOW, Ran(MISSING))
    return ahead


def test_the_clock_is_moved_and_moved_back(recorded, drift):
    plan = recorded.plan("clock.set", server="192.0.2.1")
    assert plan.words["offset"] == "+600"
    assert recorded.undo(plan).ok  # it was never done
    assert drift == [600]
    for _time in range(2):
        assert recorded.run(plan).ok
        assert abs(drift[0]) < 0.01
    for _time in range(2):
        assert recorded.undo(plan).ok
        assert abs(drift[0] - 600) < 0.01


def test_a_time_server_that_falls_silent(recorded, drift):
    plan = recorded.plan("clock.set", server="192.0.2.1")
    drift[0] = None
    assert recorded.run(plan).code == "action.failed-no-time"
    assert recorded.undo(plan).code == "action.failed-no-time"
    with pytest.raises(SupportctlError, match="no-time"):
        recorded.plan("clock.set", server="192.0.2.1")


def test_the_clock_of_windows(windows):
    windows.windows({"running": False, "synchronised": False, "error": "", "denied": False})
    plan = windows.plan("clock.set")
    assert windows.run(plan).ok
    assert windows.undo(plan).ok
    assert [told["verb"] for told in windows.given] == ["look", "on", "off"]


@pytest.mark.parametrize(
    ("system", "answers", "command"),
    [
        ("linux", ["resolvectl"], "resolvectl flush-caches"),
        ("linux", ["nscd"], "nscd -i hosts"),
        ("windows", ["ipconfig"], "ipconfig /flushdns"),
        ("darwin", ["dscacheutil"], "dscacheutil -flushcache"),
    ],
)
def test_names_are_forgotten(recorded, system, answers, command):
    recorded.place = recorded.place._replace(system=system)
    for words in answers:
        recorded.on(words, Ran(0))
    assert recorded.run(recorded.plan("dns.flush")).ok
    assert recorded.ran[-1] == command


def test_a_computer_that_remembers_no_names(recorded):
    plan = recorded.plan("dns.flush")
    assert plan.needless
    assert recorded.run(plan).ok


@pytest.mark.parametrize(
    ("answers", "command"),
    [
        ({"nmcli -t": Ran(0, NMCLI_DHCP), "nmcli --wait": Ran(0)}, "nmcli --wait 25 device connect eth0"),
        ({"networkctl status": Ran(0, NETWORKD), "networkctl renew": Ran(0)}, "networkctl renew eth0"),
        ({"dhclient": Ran(0)}, "dhclient -1 eth0"),
    ],
)
def test_an_address_is_asked_for_anew(recorded, monkeypatch, answers, command):
    monkeypatch.setattr(network, "_runs_dhclient", lambda interface: True)
    for words, answer in answers.items():
        recorded.on(words, answer)
    plan = recorded.plan("network.renew", interface="eth0")
    assert recorded.run(plan).ok
    assert recorded.ran[-1] == command
    assert recorded.undo(plan).code == "action.failed-no-undo"


@pytest.mark.parametrize(
    ("interface", "answers", "error"),
    [
        ("eth0", {"nmcli": Ran(0, NMCLI_FIXED)}, "fixed-address"),
        ("eth0", {"networkctl": Ran(0, "Address: 192.168.1.7\n")}, "fixed-address"),
        ("eth0", {}, "no-address-service"),
        ("-h", {}, "no-interface"),
    ],
)
def test_addresses_that_are_not_renewed(recorded, interface, answers, error):
    for words, answer in answers.items():
        recorded.on(words, answer)
    with pytest.raises(SupportctlError, match=error):
        recorded.plan("network.renew", interface=interface)


def test_the_address_of_windows(windows):
    plan = windows.plan("network.renew", interface="Ethernet 2")
    assert windows.on("ipconfig", Ran(0)).run(plan).ok
    assert windows.ran == ["ipconfig /renew Ethernet 2"]


class Configuration:
    """The targets of a configuration."""

    def __init__(self, **urls: str) -> None:
        self.urls = urls

    def url(self, name: str) -> str:
        return self.urls[name]

    def put(self, name: str, url: str, was: str) -> None:
        assert self.urls[name] == was
        self.urls[name] = url


OLD, NEW = "shtrih+serial:///dev/ttyACM0?baud=9600", "shtrih+serial:///dev/ttyACM1"


def test_a_target_moves_and_comes_back(recorded):
    config = Configuration(register=OLD)
    recorded.place = recorded.place._replace(targets=config)
    plan = recorded.plan("target.set", target="register", url=NEW)
    assert plan.words["was"] == OLD
    for _time in range(2):
        assert recorded.run(plan).ok
        assert config.urls == {"register": NEW}
    for _time in range(2):
        assert recorded.undo(plan).ok
        assert config.urls == {"register": OLD}
    config.urls["register"] = "shtrih+serial:///dev/ttyS0"
    assert recorded.run(plan).code == recorded.undo(plan).code == "action.failed-changed-since"


@pytest.mark.parametrize("password", ["30", "secret://env/PIN"])
def test_what_the_journal_leaves_out_could_not_be_undone(recorded, password):
    config = Configuration(register=f"{NEW}?password={password}")
    recorded.place = recorded.place._replace(targets=config)
    with pytest.raises(UsageError, match="secret-in-url"):
        recorded.plan("target.set", target="register", url=NEW)


def test_without_a_configuration(recorded):
    with pytest.raises(SupportctlError, match="no-configuration"):
        recorded.plan("target.set", target="register", url=NEW)


def test_a_program_gets_a_clean_environment(here, monkeypatch):
    monkeypatch.setenv("CRM_TOKEN", "hunter2")
    ran = here.place.run(["env"], here.deadline)
    assert ran.code == 0
    assert "hunter2" not in ran.out
    assert "LC_ALL=C\n" in ran.out
    assert "CRM_TOKEN" not in clean_environment({"CRM_TOKEN": "x", "SystemRoot": r"C:\Windows"}, "win32")


def test_words_are_no_shell_script(here):
    assert here.place.run(["echo", "$(id)", ";", "*"], here.deadline).out == "$(id) ; *\n"


def test_what_is_given_is_its_standard_input(here):
    assert here.place.run(["cat"], here.deadline, "привет").out == "привет"


def test_output_is_bounded(here):
    ran = here.place.run([sys.executable, "-c", f"print('x' * {MAX_OUTPUT * 2})"], here.deadline)
    assert len(ran.out) == MAX_OUTPUT


def test_a_program_that_is_not_there(here):
    assert here.place.run(["/nonexistent"], here.deadline) == Ran(MISSING)


@pytest.mark.skipif(os.name == "nt", reason="process groups")
def test_a_program_that_does_not_end_is_ended_with_its_children(here, tmp_path):
    note = tmp_path / "pid"
    words = ["sh", "-c", f"sleep 60 & echo $! > {note}; wait"]
    assert here.place.run(words, Deadline.after(0.5, here.clock)).code == LATE
    child = int(note.read_text())
    for _try in range(100):
        state = _state(child)
        if state in {"", "Z"}:
            break
        here.clock.sleep(0.02)
    assert _state(child) in {"", "Z"}


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return ""


def test_a_daemon_that_stays_behind_does_not_hold_us_up(here):
    ran = here.place.run(["sh", "-c", "sleep 5 & echo started"], here.deadline)
    assert (ran.code, ran.out) == (0, "started\n")
    assert here.deadline.remaining() > 27
