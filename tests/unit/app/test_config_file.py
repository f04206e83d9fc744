"""Reading supportctl.yaml: what is right is understood, what is wrong is named with its place."""

from __future__ import annotations

import json
import os
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supportctl.app.config_file import MAX_BYTES, find_config, load_config, read_config
from supportctl.catalog import Catalog
from supportctl.core.errors import UsageError
from supportctl.reading.yaml_tree import read_tree

CONTRACT = """\
site: {id: shop-12, name: "Shop on Lenin street", timezone: Europe/Moscow, phone_region: RU}
targets:
  - {name: receipt-printer, url: "escpos+tcp://192.168.1.50:9100"}
  - {name: register, url: "shtrih+serial:///dev/ttyACM0?baud=115200"}
telephony:
  pbx: {kind: uis, token: "secret://env/UIS_TOKEN"}
crm:
  acme: {kind: bitrix24, url: "secret://env/ACME_WEBHOOK", fallback_employee: 1, rate: 2/s}
store: sqlite:///supportctl.db            # or postgresql+psycopg://...
resend: {horizon: 24h}
trackers:
  dev: {kind: redmine, url: "https://redmine.example", key: "secret://env/REDMINE_KEY", project: integrations}
notify: ["secret://env/ONCALL_CHAT"]
escalation: {tracker: dev, notify: true}
"""


@pytest.fixture
def file(tmp_path):
    """Return a function that writes a configuration."""
    path = tmp_path / "supportctl.yaml"

    def write(content):
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def mistake(file):
    """Return a function that says what is wrong with a text: key, line, column, arguments."""

    def mistake(content):
        with pytest.raises(UsageError) as error:
            load_config(file(content))
        for lang in ("en", "ru"):  # every mistake has its words, and no word is missing
            texts = Catalog(lang).error(error.value.key, error.value.args_by_name)
            assert texts["message"]
            assert "?" not in texts["found"]
        return error.value

    return mistake


def place(error):
    return tuple(int(part) for part in error.args_by_name["where"].rsplit(":", 2)[1:])


def test_configuration_of_the_contract(file):
    config = load_config(file(CONTRACT))
    assert config.site.id == "shop-12"
    assert [target.name for target in config.parsed_targets()] == ["receipt-printer", "register"]
    assert config.crm["acme"].rate == 2.0
    assert config.resend.horizon == 86400
    assert read_config(file(CONTRACT)).problems == ()


def test_values_keep_what_was_written(file):
    config = load_config(
        file("site: {id: 0012, phone_region: NO}\nhost: {services: [no, 1:30], disk_free_mb: 08}\n")
    )
    assert (config.site.id, config.site.phone_region) == ("0012", "NO")
    assert config.host.services == ("no", "1:30")
    assert config.host.disk_free_mb == 8


def test_key_with_nothing_behind_it_counts_as_absent(file):
    assert load_config(file("site: {id: x}\ntargets:\n")).targets == ()


def test_expectations_of_a_target(file):
    config = load_config(file("targets: [{name: p, url: 'escpos+tcp://h', expect: {drawer: closed}}]"))
    assert config.entry("p").expected() == {"drawer": "closed"}


def test_windows_line_ends_and_byte_order_mark(file):
    assert load_config(file(b"\xef\xbb\xbf" + CONTRACT.replace("\n", "\r\n").encode())).site.id == "shop-12"


MISTAKES = {
    "typo": ("site: {idd: x}", "config.unknown-key", (1, 8)),
    "typo at the top": ("targts: []", "config.unknown-key", (1, 1)),
    "typo in a target": ("targets:\n  - {name: p, urll: 'tcp://h:1'}", "config.missing-key", (2, 5)),
    "typo in an account": (CONTRACT.replace("rate:", "rat:"), "config.unknown-key", (8, 82)),
    "no kind": ("crm: {a: {url: 'https://x.example'}}", "config.missing-key", (1, 7)),
    "unknown kind": ("crm:\n  a: {kind: bitrix, url: 'https://x.example'}", "config.unknown-kind", (2, 7)),
    "twice": ("site: {id: a}\nstore: sqlite:///x\nsite: {id: b}", "config.duplicate-key", (3, 1)),
    "alias": ("a: &x 1\nb: *x", "config.alias", (1, 4)),
    "tag": ("site: !!python/object:os.system {}", "config.tag", (1, 7)),
    "tab": ("site:\n\tid: x", "config.tab", (2, 1)),
    "quote not closed": ('site: {id: "x', "config.unfinished", (1, 12)),
    "bracket not closed": ("targets: [{name: a", "config.unfinished", (1, 11)),
    "no colon": ("site: {id: x}\nhello world\nstore: y", "config.syntax", None),
    "indent": ("site:\n  id: x\n   name: y", "config.syntax", None),
    "two documents": ("site: {id: x}\n---\nsite: {id: y}", "config.two-documents", (2, 1)),
    "control character": ("site: {id: 'x\x07'}", "config.control-character", (1, 14)),
    "complex key": ("? [a, b]\n: c", "config.bad-key", (1, 3)),
    "list at the top": ("- a\n- b", "config.not-a-section", (1, 1)),
    "text at the top": ("hello", "config.not-a-section", (1, 1)),
    "targets a mapping": ("targets: {a: b}", "config.not-a-list", (1, 1)),
    "site a text": ("site: shop", "config.not-a-section", (1, 1)),
    "empty target": ("targets:\n  -\n", "config.not-a-section", (2, 4)),
    "duration": ("resend: {horizon: 24}", "config.bad-duration", (1, 10)),
    "rate": (CONTRACT.replace("2/s", "2"), "config.bad-rate", (8, 82)),
    "zero rate": (CONTRACT.replace("2/s", "0/s"), "config.bad-rate", (8, 82)),
    "number": ("host: {disk_free_mb: much}", "config.not-a-number", (1, 8)),
    "negative": ("host: {disk_free_mb: -1}", "config.out-of-range", (1, 8)),
    "switch": ("escalation: {notify: perhaps}", "config.not-a-switch", (1, 14)),
    "zone": ("site: {timezone: Europe/Moskow}", "config.unknown-timezone", (1, 8)),
    "zone outside": ("site: {timezone: ../../etc/passwd}", "config.unknown-timezone", (1, 8)),
    "region": ("site: {phone_region: Russia}", "config.bad-region", (1, 8)),
    "expectation": (
        "targets: [{name: p, url: 'escpos+tcp://h', expect: {drawer: ajar}}]", "config.not-one-of", (1, 53),
    ),
    "plain http": (CONTRACT.replace("https://", "http://"), "config.plain-http", (12, 24)),
    "no address": (CONTRACT.replace("https://redmine.example", "redmine"), "config.bad-url", (12, 24)),
    "reference": (CONTRACT.replace("env/UIS_TOKEN", "vault/x"), "config.bad-secret", (6, 20)),
    "empty secret": (CONTRACT.replace("secret://env/UIS_TOKEN", ""), "config.empty-value", (6, 20)),
    "store": ("store: mysql://x", "config.bad-store", (1, 1)),
    "host": ("network: {ntp: ['pool ntp']}", "config.bad-host", (1, 17)),
    "port": ("network: {hosts: ['ofd.example:70000']}", "config.bad-host", (1, 19)),
    "name": ("targets: [{name: '-x', url: 'escpos+tcp://h'}]", "config.bad-name", (1, 12)),
    "key of a section": ("crm: {'a://b': {kind: webhook, url: 'https://x.ex'}}", "config.bad-name", (1, 7)),
    "same name": (
        "targets:\n  - {name: p, url: 'escpos+tcp://a'}\n  - {name: P, url: 'escpos+tcp://b'}",
        "config.same-name", (3, 6),
    ),
    "target": ("targets:\n  - {name: p, url: 'escpso+tcp://h:1'}", "target.unknown-protocol", (2, 15)),
    "tracker": (CONTRACT.replace("tracker: dev", "tracker: deb"), "config.unknown-tracker", (14, 14)),
    "nobody": ("escalation: {notify: true}", "config.nobody-to-notify", (1, 14)),
    "deep": ("a: " + "[" * 100, "config.too-deep", None),
    "empty": ("", "config.empty", None),
    "comments only": ("# nothing yet\n", "config.empty", None),
    "cp1251": ("site: {id: x}\nsite2: Магазин".encode("cp1251"), "config.not-utf8", (2, 8)),
    "utf16": (CONTRACT.encode("utf-16"), "config.utf16", None),
    "power cut": (CONTRACT.encode() + b"\0" * 512, "config.zeros", None),
}  # fmt: skip


@pytest.mark.parametrize(("text", "key", "where"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_named_with_their_place(mistake, text, key, where):
    error = mistake(text)
    assert error.key == key
    if where:
        assert place(error) == where


def test_typo_names_the_nearest_word(mistake):
    assert mistake("targts: []").args_by_name["nearest"] == "targets"
    assert (
        mistake(CONTRACT.replace("fallback_employee", "falback_employe")).args_by_name["nearest"]
        == "fallback_employee"
    )
    assert "Europe/Moscow" in mistake("site: {timezone: Europe/Moskow}").args_by_name["nearest"]


def test_secret_in_a_wrong_place_is_not_shown(mistake):
    error = mistake("crm: {a: {kind: bitrix24, url: 'http://portal.example/rest/1/abcdef123456/'}}")
    assert "abcdef123456" not in str(error)


def test_all_mistakes_at_once(file):
    text = CONTRACT.replace("rate:", "rat:").replace("project:", "projct:")
    keys = [problem.key for problem in read_config(file(text)).problems]
    assert keys == ["config.unknown-key", "config.missing-key", "config.unknown-key"]


def test_mistakes_of_every_kind_are_told_in_one_run(file):
    text = """\
site: {id: shop-12, zone: x}
targets:
  - {name: till, url: "escpso+tcp://a"}
  - {name: Till, url: "escpos+tcp://b"}
  - {name: other, url: "escpos+tcp://b", expect: {drawer: ajar}}
  - {name: third, url: "shtrih+tcp://c?password=30"}
  - {name: {a: b}, url: [c]}
  - text
telephony:
  pbx: {kind: uis, token: abc123}
  old: {kind: uis, tokn: abc123}
crm: {acme: {kind: webhook, url: redmine}}
escalation: {tracker: dev, notify: yes, routes: {developers: dve, nobody: dev}}
trackers: {ops: {kind: redmine, url: "https://r.example", key: "secret://env/K", project: p}}
"""
    found = read_config(file(text))
    told = {(problem.line, problem.key, problem.is_error) for problem in found.problems}
    assert found.config is None
    assert {
        (1, "config.unknown-key", True),
        (3, "target.unknown-protocol", True),
        (4, "config.same-name", True),
        (5, "config.not-one-of", True),
        (5, "config.same-target", False),
        (6, "config.secret-in-place", False),
        (7, "config.not-a-text", True),
        (8, "config.not-a-section", True),
        (10, "config.secret-in-place", False),
        (11, "config.unknown-key", True),
        (12, "config.bad-url", True),
        (13, "config.unknown-tracker", True),
        (13, "config.nobody-to-notify", True),
        (13, "config.not-one-of", True),
    } <= told
    assert "abc123" not in str(found.problems)


def test_a_mistake_is_told_before_a_warning_that_stands_above_it(file, supportctl):
    path = file("targets:\n  - {name: a, url: 'shtrih+tcp://c?password=30'}\nstoer: x\n")
    ended = supportctl("--config", str(path), "--lang", "en", "config", "check", "--format", "json")
    document = json.loads(ended.out)
    assert (ended.exit_code, document["error"]["code"]) == (2, "config.unknown-key")
    assert [problem["status"] for problem in document["problems"]] == ["warning", "error"]
    assert "Mistakes: 1." in supportctl("--config", str(path), "--lang", "en", "config", "check").out


def test_secrets_in_place_are_warnings(file):
    text = CONTRACT.replace("secret://env/UIS_TOKEN", "abc123").replace(
        "secret://env/ACME_WEBHOOK", "https://portal.example/rest/1/abcdef123456/"
    )
    found = read_config(file(text.replace("?baud=115200", "?baud=115200&password=30")))
    assert found.config is not None
    assert {problem.key for problem in found.problems} == {"config.secret-in-place"}
    assert [problem.line for problem in found.problems] == [4, 6, 8]
    assert "abcdef123456" not in str(found.problems)


def test_portal_without_a_code_is_no_secret(file):
    portal = "url: https://portal.example, token: secret://env/T"
    assert read_config(file(CONTRACT.replace('url: "secret://env/ACME_WEBHOOK"', portal))).problems == ()


def test_same_device_under_two_names_is_a_warning(file):
    text = "targets:\n  - {name: a, url: 'escpos+tcp://h'}\n  - {name: b, url: 'escpos+tcp://h:9100'}"
    (problem,) = read_config(file(text)).problems
    assert (problem.key, problem.is_error) == ("config.same-target", False)


def test_lab_on_this_computer_may_be_plain_http(file):
    for host in ("127.0.0.1:8123", "localhost", "[::1]:80"):
        tracker = f"{{kind: redmine, url: 'http://{host}', key: 'secret://env/K', project: p}}"
        assert load_config(file(f"trackers: {{dev: {tracker}}}"))


def test_every_beginning_of_a_file_is_understood_or_refused(file):
    for size in range(len(CONTRACT)):
        try:
            load_config(file(CONTRACT[:size]))
        except UsageError:
            continue


def test_thousand_laughs_do_not_grow(mistake):
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert mistake("\n".join(lines)).key == "config.alias"


def test_huge_files(file, mistake):
    assert mistake(b"#" * (MAX_BYTES + 1)).key == "config.too-big"
    started = time.perf_counter()
    assert mistake("a: [" + "x, " * 300_000).key == "config.too-many-values"
    assert mistake("[" * 500_000).key == "config.too-deep"
    assert time.perf_counter() - started < 10


def test_what_is_no_file(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path, key in ((tmp_path, "directory"), (pipe, "not-a-file"), (tmp_path / "none", "not-found")):
        with pytest.raises(UsageError, match=f"config.{key}"):
            load_config(path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_file_that_may_not_be_read(file):
    path = file(CONTRACT)
    path.chmod(0)
    with pytest.raises(UsageError, match=r"config\.unreadable"):
        load_config(path)


def test_search_order(tmp_path, monkeypatch):
    here, settings = tmp_path / "here", tmp_path / "settings"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(settings))
    assert load_config(None) is None
    user = settings / "supportctl/supportctl.yaml"
    user.parent.mkdir(parents=True)
    user.write_text("site: {id: user}")
    assert load_config(None).site.id == "user"
    (here / "supportctl.yaml").write_text("site: {id: here}")
    assert load_config(None).site.id == "here"
    assert find_config(user) == user


def test_without_a_file_nothing_heavy_is_imported(tmp_path):
    import subprocess

    code = (
        "import sys; from supportctl.app.config_file import load_config; assert load_config(None) is None;"
        "print([m for m in ('yaml', 'pydantic', 'platformdirs') if m in sys.modules])"
    )
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "none"), "HOME": str(tmp_path)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr


@given(st.text(max_size=200))
def test_any_text_is_a_tree_or_a_usage_error(text):
    try:
        tree = read_tree(text)
    except UsageError as error:
        line = int(error.args_by_name["line"])
    else:
        line = tree.place.line if tree else 1
    assert line >= 1


_scalar = st.text("abcdef -_:#'\"äж", min_size=1, max_size=8)
_document = st.dictionaries(
    _scalar, st.one_of(_scalar, st.lists(_scalar, min_size=1, max_size=3)), min_size=1, max_size=4
)


@given(_document)
def test_tree_says_what_was_written(document):
    import json

    assert read_tree(json.dumps(document, ensure_ascii=False)).plain() == document
