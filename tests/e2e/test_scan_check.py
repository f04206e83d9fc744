"""supportctl scan-check as it is called: argument, standard input, file, and a scanner of the lab."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import pytest

from probes.lab.lab import Lab
from probes.lab.scenario import DeviceSpec, Scenario

GS = "\x1d"
MILK = f"0104601234567893215abcDE{GS}93dGVz"
ELEMENTS = {"01": "04601234567893", "21": "5abcDE", "93": "dGVz"}


@pytest.fixture
def typed(monkeypatch):
    """Return a function that puts bytes on standard input."""

    def put(data: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

    return put


def told(supportctl, *words):
    ended = supportctl("scan-check", *words, "--format", "json")
    return ended.exit_code, json.loads(ended.out)


def problems(document):
    return [finding["code"] for finding in document["findings"] if finding["status"] != "ok"]


@pytest.mark.parametrize(
    ("text", "exit_code", "codes", "scan"),
    [
        (MILK, 0, [], (None, "marking", MILK, ELEMENTS)),
        (f"]d2{MILK}", 0, [], ("GS1 DataMatrix", "marking", MILK, ELEMENTS)),
        (MILK.replace(GS, ""), 3, ["scanner.gs-lost"], (None, "marking", MILK, ELEMENTS)),
        (MILK[:-2], 3, ["scanner.truncated"], (None, "marking", None, {})),
        ("4601234567893", 0, [], (None, "ean-13", "4601234567893", {})),
        ("4601234567890", 3, ["scanner.check-digit"], (None, "ean-13", None, {})),
        (MILK[:24], 4, ["scanner.truncated"], (None, "marking", None, {})),
        ("]C1ZZZ", 5, ["scanner.not-understood"], ("GS1-128", "gs1", None, {})),
    ],
)
@pytest.mark.parametrize("lang", ["en", "ru"])
def test_the_document(supportctl, lang, text, exit_code, codes, scan):
    code, document = told(supportctl, text, "--lang", lang)
    assert (code, problems(document)) == (exit_code, codes)
    assert document["schema"] == "supportctl.report/1"
    symbology, kind, corrected, elements = scan
    assert document["scan"] == {
        "raw": text, "symbology": symbology, "kind": kind, "corrected": corrected, "elements": elements,
    }  # fmt: skip
    for finding in document["findings"]:
        assert any("а" <= letter <= "я" for letter in finding["title"].lower()) is (lang == "ru")


def test_control_characters_are_escaped(supportctl):
    ended = supportctl("scan-check", f"{MILK}\x1b[31m\u202e\x7f", "--format", "json")
    assert all(character.isprintable() or character == "\n" for character in ended.out)
    assert "\\u001d" in ended.out
    text = supportctl("scan-check", f"{MILK}\x1b[31m\u202e\x7f").out
    assert all(character.isprintable() or character == "\n" for character in text)
    assert "<GS>" in text


@pytest.mark.parametrize("words", [(), ("-",)])
@pytest.mark.parametrize("end", [b"", b"\r\n"])
def test_standard_input(supportctl, typed, words, end):
    typed(MILK.encode() + end)
    code, document = told(supportctl, *words)
    assert (code, document["scan"]["corrected"]) == (0, MILK)


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals")
def test_a_scan_into_the_window(no_coverage):
    """As a person does it: the scanner types and presses Enter; no end of the input is needed."""
    import pty

    master, slave = pty.openpty()
    command = [sys.executable, "-m", "supportctl", "scan-check", "--format", "json"]
    with subprocess.Popen(command, stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        os.write(master, MILK.replace(GS, "").encode() + b"\r")
        out, _ = process.communicate(timeout=30)
    os.close(slave)
    os.close(master)
    assert (process.returncode, problems(json.loads(out))) == (3, ["scanner.gs-lost"])


def test_text_says_what_to_do(supportctl):
    ended = supportctl("scan-check", MILK.replace(GS, ""), "--lang", "ru")
    assert ended.exit_code == 3
    assert ended.out.startswith("В коде маркировки потерян разделитель (GS).\n")
    for expected in ("должно быть  0104601234567893215abcDE<GS>93dGVz", "COM-порт", "scanner.gs-lost"):
        assert expected in ended.out
    assert supportctl("scan-check", "4601234567893").out.startswith("The scan is fine: EAN-13.")
    assert "Nothing is wrong" in supportctl("scan-check", "hello").out


def test_a_batch(supportctl, tmp_path):
    file = tmp_path / "scans.txt"
    lines = [MILK, "", "4601234567893", "4601234567890", MILK.replace(GS, ""), "x" * 9000]
    file.write_bytes("\r\n".join(lines).encode())
    code, document = told(supportctl, "--batch", str(file))
    assert code == 3
    assert [(row["line"], row["verdict"], row["codes"]) for row in document["scans"]] == [
        (1, "ok", []),
        (3, "ok", []),
        (4, "fault", ["scanner.check-digit"]),
        (5, "fault", ["scanner.gs-lost"]),
        (6, "unknown", ["scanner.not-understood"]),
    ]
    assert document["scans"][3]["scan"]["corrected"] == MILK
    text = supportctl("scan-check", "--batch", str(file)).out
    assert "line 4: scanner.check-digit" in text
    assert "line 3" not in text
    assert text.endswith("5 scans. 3 need attention; the others are fine.\n")


def test_a_batch_that_is_fine(supportctl, typed):
    typed(f"{MILK}\n4601234567893\n".encode())
    assert supportctl("scan-check", "--batch", "-")[:2] == (0, "2 scans. All are fine.\n")


@pytest.mark.parametrize("data", ["\ufeff4601234567893\n".encode("utf-16-le"), b"\xef\xbb\xbf4601234567893"])
def test_what_windows_programs_write(supportctl, tmp_path, data):
    (tmp_path / "scans.txt").write_bytes(data)
    assert supportctl("scan-check", "--batch", str(tmp_path / "scans.txt")).exit_code == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["  "], "scan.empty"),
        ([GS], "scan.empty"),
        (["x" * 9000], "scan.too-long"),
        ([f"{MILK}\n{MILK}"], "scan.several"),
        (["x", "--batch", "y"], "scan.one-source"),
        (["--batch", "no/such/file"], "scan.cannot-read"),
        (["--batch", "."], "scan.cannot-read"),
        (["--from", "escpos+tcp://127.0.0.1:1"], "scan.not-a-scanner"),
        (["--from", "scaner+serial:///dev/ttyS9"], "target.unknown-protocol"),
    ],
)
def test_wrong_usage(supportctl, words, code):
    exit_code, document = told(supportctl, *words)
    assert (exit_code, document["error"]["code"]) == (2, code)
    assert all(document["error"].values())


def test_an_empty_standard_input(supportctl, typed):
    typed(b"")
    assert told(supportctl)[1]["error"]["code"] == "scan.empty"
    typed(b"\n\n")
    assert told(supportctl, "--batch", "-")[1]["error"]["code"] == "scan.empty-batch"
    typed(b"x" * (4 * 1024 * 1024 + 1))
    assert told(supportctl)[1]["error"]["code"] == "scan.file-too-big"


@pytest.fixture(scope="module")
def lab():
    if sys.platform == "win32":
        pytest.skip("pseudo-terminals")
    spec = DeviceSpec("scanner", "scanner", ("serial",), model="milk", baud=9600)
    with Lab(Scenario("scanner", (spec,))) as lab:
        yield lab


@pytest.fixture
def scanner(lab):
    """The URL of the lab's scanner on a pseudo-terminal; healthy again afterwards, and never written to."""
    yield lab.url("scanner")
    for fault in lab.device("scanner").active | {"wire-garbled"}:
        lab.fault("scanner", fault, on=False)
    assert lab.device("scanner").writes == []


def test_a_scan(supportctl, scanner):
    code, document = told(supportctl, "--from", scanner, "--deadline", "5")
    assert (code, problems(document)) == (0, [])
    assert document["scan"]["raw"].endswith("\r\n")
    assert document["scan"]["elements"] == {"01": "04601234567893", "21": "5G+mgs", "93": "dGVz"}


def test_a_fault(supportctl, lab, scanner):
    lab.fault("scanner", "gs-lost")
    lab.fault("scanner", "no-suffix")
    code, document = told(supportctl, "--from", scanner, "--deadline", "5")
    assert (code, problems(document)) == (3, ["scanner.gs-lost", "scanner.suffix-missing"])


def test_nobody_scans(supportctl, lab, scanner):
    lab.fault("scanner", "nobody-scans")
    code, document = told(supportctl, "--from", scanner, "--deadline", "0.5")
    assert (code, problems(document), document["scan"]) == (5, ["scanner.no-scan"], None)
    checked = supportctl("check", scanner, "--format", "json")
    assert (checked.exit_code, problems(json.loads(checked.out))) == (0, [])


def test_the_wrong_speed(supportctl, lab, scanner):
    lab.fault("scanner", "wire-garbled")
    code, document = told(supportctl, "--from", scanner, "--deadline", "5")
    assert (code, problems(document), document["scan"]) == (3, ["link.garbled"], None)


def test_no_such_port(supportctl):
    code, document = told(supportctl, "--from", "scanner+serial:///dev/no-such-port")
    assert (code, problems(document), document["scan"]) == (3, ["link.no-such-port"], None)
