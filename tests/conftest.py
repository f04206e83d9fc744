"""Peers (programs that we did not write), surroundings of our own, and the list of what was not run."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import hypothesis
import pytest

from supportctl.core import redaction

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from bastions import Sshd
    from database_servers import MariadbServer, PostgresServer
    from ssh_server import SshServer

ROOT = Path(__file__).parent.parent
REQUIRE = "SUPPORTCTL_REQUIRE_PEERS"
PEERS_REQUIRED = os.environ.get(REQUIRE, "") not in {"", "0"}

# A shared machine is slow at times; a failure in CI must be the same failure here.
hypothesis.settings.register_profile(
    "supportctl", deadline=None, derandomize=bool(os.environ.get("CI")), print_blob=True
)
hypothesis.settings.load_profile("supportctl")


def _program(*names: str) -> Callable[[], str | None]:
    """Return a finder of the first of `names`; daemons live in folders that are not on everybody's PATH."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin", "/usr/local/sbin"])
    return lambda: next((found for name in names if (found := shutil.which(name, path=path))), None)


def _emupos() -> str | None:
    own = ROOT / ".peers/emupos/bin/emupos"
    return str(own) if own.is_file() else shutil.which("emupos")


def _python_escpos() -> str | None:
    spec = importlib.util.find_spec("escpos")
    return spec.origin if spec else None


def _pyshtrih() -> str | None:
    spec = importlib.util.find_spec("pyshtrih")
    return spec.origin if spec else None


def _package(name: str) -> Callable[[], str | None]:
    """Return a finder of a Python package."""

    def find() -> str | None:
        spec = importlib.util.find_spec(name)
        return spec.origin if spec else None

    return find


def _netns() -> str | None:
    """Return the path of `ip` if this process may make network namespaces and devices in them: it tries."""
    ip = _program("ip")()
    if ip is None or os.geteuid() != 0 or not Path("/dev/net/tun").exists():
        return None
    name = f"supportctl-{os.getpid()}"
    if subprocess.run([ip, "netns", "add", name], capture_output=True, check=False).returncode:
        return None
    subprocess.run([ip, "netns", "del", name], capture_output=True, check=False)
    return ip


def _ippeveprinter() -> str | None:
    """It wants a message bus even when it announces nothing."""
    return _program("ippeveprinter")() if _program("dbus-daemon")() else None


def _postgresql() -> str | None:
    """Return the newest installed server; Debian keeps its programs off the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return str(found[-1]) if found else shutil.which("initdb")


def _snmpd_service() -> str | None:
    """Return the service script of snmpd if this process may run it: root, on a computer without systemd."""
    script = Path("/etc/init.d/snmpd")
    usable = script.exists() and os.geteuid() == 0 and not Path("/run/systemd/system").exists()
    return str(script) if usable and shutil.which("service") else None


def _frozen() -> str | None:
    """Return the program of `make dist`, unless the sources have changed since."""
    own = ROOT / "dist/supportctl/supportctl"
    if not own.is_file():
        return None
    built = own.stat().st_mtime
    rooms = ("supportctl", "probes", "integrations", "resend", "playbooks")
    sources = (path for room in rooms for path in (ROOT / room).rglob("*.*") if path.suffix != ".pyc")
    return None if any(path.stat().st_mtime > built for path in sources) else str(own)


def _redmine() -> str | None:
    """Return the folder of a Redmine that is ready to be started."""
    own = ROOT / ".peers/redmine"
    ready = (own / "installed").is_file() and shutil.which("bundle")
    return str(own) if ready else None


class Peer(NamedTuple):
    """How a peer is found (its path), and what to tell a person who has not got it."""

    find: Callable[[], str | None]
    missing: str
    enable: str


PEERS = {
    "emupos": Peer(_emupos, "it is not in .peers/emupos", "make peers (needs a Python 3.13)"),
    "python-escpos": Peer(_python_escpos, "the package escpos is not installed", "make install"),
    "pyshtrih": Peer(_pyshtrih, "the package pyshtrih is not installed", "make install"),
    "aioamocrm": Peer(_package("aioamocrm"), "the package aioamocrm is not installed", "make install"),
    "hubspot-api-client": Peer(
        _package("hubspot"), "the package hubspot-api-client is not installed", "make install"
    ),
    "comagic-data-api-sdk": Peer(
        _package("comagic"), "the package comagic-data-api-sdk is not installed", "make install"
    ),
    "b24pysdk": Peer(_package("b24pysdk"), "the package b24pysdk is not installed", "make install"),
    "moysklad-remap-12-sdk": Peer(
        _package("moysklad_remap_12_sdk"),
        "the package moysklad-remap-12-sdk is not installed",
        "make install",
    ),
    "standardwebhooks": Peer(
        _package("standardwebhooks"), "the package standardwebhooks is not installed", "make install"
    ),
    "ser2net": Peer(_program("ser2net"), "no program `ser2net`", "apt-get install ser2net"),
    "ippeveprinter": Peer(
        _ippeveprinter,
        "no program `ippeveprinter`, or no `dbus-daemon` for it",
        "apt-get install cups-ipp-utils dbus-daemon",
    ),
    "ssh-keygen": Peer(_program("ssh-keygen"), "no program `ssh-keygen`", "apt-get install openssh-client"),
    "sshd": Peer(_program("sshd"), "no program `sshd`", "apt-get install openssh-server"),
    "bastion": Peer(
        lambda: _program("sshd")() if os.geteuid() == 0 else None,
        "no program `sshd`, or not root: it signs in other users only then",
        "apt-get install openssh-server, and run as root",
    ),
    "snmpd": Peer(_program("snmpd"), "no program `snmpd`", "apt-get install snmpd"),
    "snmpd-service": Peer(
        _snmpd_service,
        "no service script of snmpd that this user may run, or systemd runs here",
        "apt-get install snmpd, and run as root in a container",
    ),
    "cupsd": Peer(
        _program("cupsd"), "no program `cupsd`", "apt-get install cups-daemon cups-client, and run as root"
    ),
    "sipp": Peer(_program("sipp"), "no program `sipp`", "apt-get install sip-tester"),
    "frozen": Peer(_frozen, "no frozen build of these sources in dist", "make dist"),
    "redmine": Peer(_redmine, "no Redmine in .peers/redmine", "tools/redmine.sh --system, as root on Debian"),
    "postgresql": Peer(_postgresql, "no PostgreSQL server", "apt-get install postgresql"),
    "mariadb": Peer(_program("mariadbd"), "no program `mariadbd`", "apt-get install mariadb-server"),
    "chromium": Peer(
        _program("chromium", "chromium-browser", "google-chrome"), "no `chromium`", "apt-get install chromium"
    ),
    "netns": Peer(
        _netns,
        "this user may not make network namespaces",
        "apt-get install iproute2, and run as root on Linux",
    ),
}


@cache
def _path_of(name: str) -> str | None:
    return PEERS[name].find()


@pytest.fixture(autouse=True)
def _own_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test know its own secrets only: those of another one must not be cut out of its words."""
    monkeypatch.setattr(redaction, "_known", set())


@pytest.fixture(scope="session")
def peer_path() -> Callable[[str], str]:
    """Return a function from a peer's name to its program's path; for tests with the mark `peer(name)`."""

    def path(name: str) -> str:
        found = _path_of(name)
        assert found, f"a test that asks for {name} carries the mark peer({name!r})"
        return found

    return path


@pytest.fixture(scope="session")
def postgres(peer_path: Callable[[str], str]) -> Generator[PostgresServer]:
    """A PostgreSQL server that a test may crash and start again; its test has the mark peer("postgresql")."""
    from database_servers import PostgresServer

    server = PostgresServer(Path(peer_path("postgresql")).parent)
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Generator[str]:
    """The address of an empty database of `postgres`, for this test alone."""
    with postgres.database() as name:
        yield postgres.url(name)


@pytest.fixture(scope="session")
def mariadb(peer_path: Callable[[str], str]) -> Generator[MariadbServer]:
    """A MariaDB server; its test has the mark peer("mariadb")."""
    from database_servers import MariadbServer

    server = MariadbServer(peer_path("mariadb"))
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def mariadb_url(mariadb: MariadbServer) -> Generator[str]:
    """The address of an empty database of `mariadb`, for this test alone."""
    with mariadb.database() as name:
        yield mariadb.url(name)


@pytest.fixture(scope="session")
def sshd(peer_path: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Generator[SshServer]:
    """A private OpenSSH server on loopback; its test has the mark peer("sshd")."""
    from ssh_server import SshServer

    server = SshServer(peer_path("sshd"), tmp_path_factory.mktemp("sshd"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def bastion(peer_path: Callable[[str], str]) -> Generator[Sshd]:
    """The company's bastion, a real `sshd`; its test has the mark peer("bastion")."""
    from bastions import Sshd

    server = Sshd(peer_path("bastion"))
    try:
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="session", autouse=True)
def _own_surroundings(tmp_path_factory: pytest.TempPathFactory) -> Generator[None]:
    """Keep the configuration and the language of whoever runs the tests out of them."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in {name for name in os.environ if name.startswith("SUPPORTCTL_")} - {REQUIRE}:
            patch.delenv(name)
        for name in ("CONFIG", "STATE", "DATA", "CACHE"):
            patch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
        patch.setenv("LC_ALL", "C.UTF-8")
        patch.setenv("NO_COLOR", "1")
        yield


@pytest.fixture
def no_coverage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep coverage out of processes that the test starts: it would follow, and import much."""
    for name in [name for name in os.environ if name.startswith("COVERAGE")]:
        monkeypatch.delenv(name)


class Ended(NamedTuple):
    """How a run of the command line ended."""

    exit_code: int
    out: str
    err: str


@pytest.fixture
def supportctl(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Return a function that runs the command line with some words, in this process."""
    from supportctl.cli.main import main

    def run(*words: str) -> Ended:
        with pytest.raises(SystemExit) as ended:
            main(words)
        out, err = capsys.readouterr()
        return Ended(int(ended.value.code or 0), out, err)

    return run


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose peer is missing; where peers are required, fail it."""
    for mark in item.iter_markers("peer"):
        for name in mark.args:
            if name not in PEERS:
                pytest.fail(f"unknown peer {name!r}; known: {', '.join(PEERS)}", pytrace=False)
            if _path_of(name) is None:
                peer = PEERS[name]
                pytest.skip(f"needs {name}: {peer.missing}. To enable: {peer.enable}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where peers are required, a peer's test that was skipped for any reason has failed."""
    report = yield
    if (
        PEERS_REQUIRED
        and report.skipped
        and not hasattr(report, "wasxfail")
        and item.get_closest_marker("peer")
    ):
        report.outcome = "failed"
        report.longrepr = f"{_reason(report)}\n(peers are required here: {REQUIRE} is set)"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List what was not run, with the reason and how to enable it."""
    reasons = Counter(_reason(report) for report in terminalreporter.stats.get("skipped", ()))
    if reasons:
        terminalreporter.section("not run on this machine")
    for reason, count in sorted(reasons.items()):
        terminalreporter.line(f"{count:4} test{'s' if count > 1 else ' '}  {reason}")


def _reason(report: pytest.TestReport) -> str:
    longrepr = report.longrepr
    text = longrepr[2] if isinstance(longrepr, tuple) else str(longrepr)
    return text.removeprefix("Skipped: ")
