"""discover, identify and config as their users call them."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from probes.discovery import places
from probes.lab.lab import Lab
from probes.lab.scenario import DeviceSpec, Scenario
from supportctl.core.errors import UsageError

PRINTER = 9100


@pytest.fixture(scope="module")
def lab():
    devices = (
        DeviceSpec("printer", "escpos", ("tcp", "serial"), baud=38400),
        DeviceSpec("star", "star"),
        DeviceSpec("free", "escpos", ("serial",), baud=115200),
    )
    with Lab(Scenario("discover", devices)) as running:
        yield running


@pytest.fixture
def supportctl(tmp_path):
    """Return a function that runs the command line in an empty folder."""

    def run(*words, code=0):
        command = [sys.executable, "-c", "from supportctl.cli.main import main; main()", *words]
        environment = {**os.environ, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "none")}
        environment["TMPDIR"] = str(tmp_path)  # the lock of the configuration's writer stays here
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run


def bare(url):
    """The wire alone: nobody has said which protocol or which speed."""
    return url.partition("+")[2].partition("?")[0]


def test_identify_says_who_it_is(supportctl, lab):
    document = json.loads(
        supportctl("identify", bare(lab.url("printer", "serial")), "--format", "json").stdout
    )
    assert document["schema"] == "supportctl.identity/1"
    assert (document["protocol"], document["settings"]) == ("escpos", "38400 8N1")
    assert (document["maker"], document["model"], document["serial"]) == ("EPSON", "TM-T20III", "SIM0000001")
    assert document["url"].endswith("?baud=38400")
    assert document["evidence"]
    assert document["tried"]


@pytest.mark.parametrize(("lang", "words"), [("en", "Serial number"), ("ru", "Заводской номер")])
def test_identify_in_words(supportctl, lab, lang, words):
    assert words in supportctl("identify", bare(lab.url("printer")), "--lang", lang).stdout


def test_identify_broken_connection(supportctl):
    supportctl("identify", "tcp://127.0.0.1:1", code=3)


def test_identify_says_who_holds_the_port(supportctl, lab):
    path = bare(lab.url("free")).removeprefix("serial://")
    code = "import os, sys; os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY); print('open', flush=True); input()"
    command = [sys.executable, "-c", code, path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "open\n"
        told = supportctl("identify", f"serial://{path}", code=5).stdout
        holder.stdin.write("\n")
    assert f"(pid {holder.pid})" in told


@pytest.mark.parametrize(
    "words", [("identify", "printer"), ("identify", "tcp://h"), ("discover", "--lan", "10.0.0.0/8")]
)
def test_wrong_usage_is_one_document(supportctl, words):
    document = json.loads(supportctl(*words, "--format", "json", code=2).stdout)
    assert document["schema"] == "supportctl.error/1"
    assert document["error"]["hint"]


def test_discover_without_options_asks_nobody(supportctl, lab):
    before = {name: list(lab.device(name).opcodes) for name in lab.names}
    found = places.serial_places() or places.local_places()
    done = supportctl("discover", "--format", "json", code=0 if found else 5)
    assert json.loads(done.stdout)["schema"] == "supportctl.discovery/1"
    assert {name: list(lab.device(name).opcodes) for name in lab.names} == before


@pytest.fixture
def till_network():
    """A printer on the port of printers, at an address of its own."""
    try:
        with Lab(Scenario("network", (DeviceSpec("net", "escpos", port=PRINTER),))) as running:
            yield running
    except UsageError as error:  # another program of this computer has the port
        pytest.skip(f"port {PRINTER} is taken: {error}")


def test_discover_lan_writes_what_it_identified(supportctl, till_network, tmp_path):
    config = tmp_path / "supportctl.yaml"
    config.write_text("# our shop\nsite: {id: shop-12}\n")
    whole = json.loads(supportctl("discover", "--lan", "127.0.0.1/32", "--write", "--format", "json").stdout)
    url = f"escpos+tcp://127.0.0.1:{PRINTER}"
    assert whole["written"]["targets"] == [{"name": "tm-t20iii", "url": url}]
    assert [device["url"] for device in whole["devices"] if device["identified"]] == [url]
    assert config.read_text().startswith("# our shop\nsite: {id: shop-12}\ntargets:\n")
    again = supportctl("discover", "--lan", "127.0.0.1/32", "--write", "--lang", "ru")
    assert "новых — 0" in again.stdout
    supportctl("config", "check")
    assert till_network.device("net").writes == []


@pytest.fixture
def register_network():
    """A register and a terminal on the ports of their families."""
    devices = (DeviceSpec("register", "shtrih", port=7778), DeviceSpec("terminal", "zvt", port=20007))
    try:
        with Lab(Scenario("registers", devices)) as running:
            yield running
    except UsageError as error:
        pytest.skip(f"a port is taken: {error}")


def test_register_and_terminal_are_known_by_their_ports(supportctl, register_network):
    network = json.loads(supportctl("discover", "--lan", "127.0.0.1/32", "--format", "json").stdout)
    found = {device["url"]: device for device in network["devices"] if device["identified"]}
    assert {"shtrih+tcp://127.0.0.1:7778", "zvt+tcp://127.0.0.1:20007"} <= found.keys()
    bare = json.loads(supportctl("identify", "tcp://127.0.0.1:7778", "--format", "json").stdout)
    named = json.loads(supportctl("identify", "shtrih+tcp://127.0.0.1:7778", "--format", "json").stdout)
    for part in ("protocol", "model", "serial", "firmware", "url"):
        assert bare[part] == named[part]
        assert named[part]
    assert "касса (Штрих-М)" in supportctl("identify", "tcp://127.0.0.1:7778", "--lang", "ru").stdout
    for name in register_network.names:
        assert register_network.device(name).writes == []


def test_config_check_in_three_outcomes(supportctl, tmp_path):
    config = tmp_path / "supportctl.yaml"
    supportctl("config", "check", code=2)
    config.write_text("site: {id: x}\n")
    assert json.loads(supportctl("config", "check", "--format", "json").stdout)["verdict"] == "ok"
    config.write_text("telephony: {pbx: {kind: uis, token: plain}}\n")
    warned = json.loads(supportctl("config", "check", "--format", "json", code=4).stdout)
    assert [problem["code"] for problem in warned["problems"]] == ["config.secret-in-place"]
    config.write_text("site: {idd: x}\nstore: y\n")
    wrong = json.loads(supportctl("config", "check", "--format", "json", code=2).stdout)
    assert (wrong["schema"], wrong["error"]["code"]) == ("supportctl.error/1", "config.unknown-key")
    assert [(problem["line"], problem["column"]) for problem in wrong["problems"]] == [(1, 8), (2, 1)]
    told = supportctl("config", "check", code=2).stdout
    assert "supportctl.yaml:1:8" in told


def test_config_show_and_schema(supportctl, tmp_path):
    (tmp_path / "supportctl.yaml").write_text("telephony: {pbx: {kind: uis, token: hunter22}}\n")
    told = supportctl("config", "show").stdout
    assert "hunter22" not in told
    assert "supportctl.yaml:1" in told
    assert "default" in told
    shown = json.loads(supportctl("config", "show", "--format", "json").stdout)
    assert shown["schema"] == "supportctl.config/1"
    assert json.loads(supportctl("config", "schema").stdout)["additionalProperties"] is False


def test_config_that_is_a_folder(supportctl, tmp_path):
    for words in (("config", "check"), ("check",), ("discover", "--write")):
        (tmp_path / "supportctl.yaml").mkdir(exist_ok=True)
        supportctl(*words, code=2)
