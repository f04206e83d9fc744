"""The folder that `make dist` builds, as on a computer without Python: an empty PATH, no settings of ours."""

from __future__ import annotations

import io
import json
import re
import subprocess
import zipfile
from pathlib import Path

import pytest
import yaml
from bastions import SHARE_USER
from terminal import Terminal, plain

from probes.lab.lab import Lab
from probes.lab.scenario import DeviceSpec, Scenario
from supportctl import __version__
from supportctl.remote.frames import FrameReader, frame
from supportctl.remote.push import archive

pytestmark = pytest.mark.peer("frozen")
EXIT_USAGE, EXIT_FAULT = 2, 3
CODE = re.compile(r"[0-9A-Z]{4}(?:-[0-9A-Z]{4}){4}")


@pytest.fixture
def bare(tmp_path):
    """The surroundings of a computer that has nothing but the folder."""
    return {"PATH": "/nowhere", "HOME": str(tmp_path), "LC_ALL": "C"}


@pytest.fixture
def frozen(peer_path, tmp_path, bare):
    """Return a function that runs the frozen command."""

    def run(*words, given=b""):
        command = [peer_path("frozen"), *words]
        return subprocess.run(
            command, input=given, env=bare, cwd=tmp_path, capture_output=True, check=False, timeout=30
        )

    return run


def test_it_says_which_one_it_is(frozen):
    ended = frozen("--version")
    assert (ended.returncode, ended.stdout.decode().strip()) == (0, f"supportctl {__version__}")


def test_texts_playbooks_and_styles_are_in_the_folder(frozen, tmp_path):
    assert "printer.paper-out" in frozen("codes").stdout.decode()
    assert "бумаг" in frozen("explain", "printer.paper-out", "--lang", "ru").stdout.decode()
    assert "printer-silent" in frozen("playbook", "list").stdout.decode()
    page = tmp_path / "report.html"
    frozen("check", "host:///", "--only", "host.disk", "--format", "html", "--output", str(page))
    assert "<style>" in page.read_text(encoding="utf-8")


def test_it_asks_a_printer(frozen):
    spec = DeviceSpec("till", "escpos", ("tcp",), faults=("paper-out",))
    with Lab.from_scenario(Scenario("one", (spec,))) as lab:
        ended = frozen("check", lab.url("till"), "--format", "json")
    assert ended.returncode == EXIT_FAULT, ended.stderr
    assert "printer.paper-out" in {each["code"] for each in json.loads(ended.stdout)["findings"]}


def test_it_checks_its_own_computer_and_no_probe_breaks_off(frozen):
    """What a library looks for while it is imported is missed at run time alone: data files, metadata."""
    report = json.loads(frozen("check", "host:///", "--format", "json").stdout)
    codes = {each["code"] for each in report["findings"]}
    assert len(codes) > 2
    assert "check.probe-crashed" not in codes


def test_the_customers_command_answers_in_the_customers_language(frozen):
    ended = frozen("self-check", "--lang", "ru")
    assert ended.returncode in {0, 3, 4, 5}, ended.stderr
    assert "Проверено" in ended.stdout.decode()
    assert "прервалась" not in ended.stdout.decode()
    assert b"Traceback" not in ended.stderr


def test_share_asks_for_the_file_of_its_company(frozen):
    assert b"supportctl share" in frozen("share", "--help").stdout
    ended = frozen("share", "--ticket", "T-1")
    assert ended.returncode == EXIT_USAGE
    assert b"supportctl-share.yaml" in ended.stderr


@pytest.mark.peer("bastion")
def test_share_shows_a_code_and_ends_with_one_key(peer_path, bastion, tmp_path, bare):
    """Configuration, paramiko and its ciphers, the way out through a real bastion: all from the folder."""
    place = bastion.bastion()
    settings = {
        "company_keys": [bastion.company.public("company").strip()],
        "bastion": {
            "host": place.host,
            "port": place.port,
            "host_key": place.host_key,
            "ports": list(place.ports),
            "share_user": SHARE_USER,
            "share_key": (bastion.folder / "shop").read_text(),
        },
    }
    config = tmp_path / "supportctl.yaml"
    config.write_text(yaml.safe_dump({"remote": settings}))
    words = ["--config", str(config), "--lang", "ru", "share", "--ticket", "T-1042"]
    with Terminal(words, bare, program=[peer_path("frozen")]) as customer:
        customer.until("Нажмите q")
        assert CODE.search(plain(customer.raw))
        customer.press("q")
        assert customer.ended() == 0
        assert customer.is_restored()


def test_it_serves_a_session_on_standard_input_and_output(frozen):
    """As the forced command of a key: what the bytes are, whatever the system does to ends of lines."""
    ended = frozen("agent", "--stdio", given=frame({"id": "1", "method": "ping", "params": {}}))
    reader = FrameReader(expects_banner=True)
    answers = list(reader.feed(ended.stdout))
    assert reader.hello.tool_version == __version__
    assert [(each["id"], "result" in each) for each in answers] == [("1", True)]


def test_the_agent_that_it_brings_along_has_its_sources(peer_path):
    """`--on ssh://` packs sources: they lie in the folder."""
    inside = Path(peer_path("frozen")).parent / "_internal"
    with zipfile.ZipFile(io.BytesIO(archive().data)) as packed:
        assert [name for name in packed.namelist() if not (inside / name).is_file()] == []
