"""Real database servers in a temporary folder, for tests: made, started, crashed, started again, removed.

Neither runs as root: where the tests do, the server gets the user that its package has made, or nobody.
Nothing of a server that the machine itself runs is touched: own folder, own free port, own socket.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Generator

START_S = 60
STOP_S = 30


def free_port() -> int:
    """Return a port of this computer that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _as_user(*names: str) -> dict[str, Any]:
    """Return the arguments that make a child somebody who is not root."""
    if os.geteuid() != 0:
        return {}
    for name in (*names, "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    return {}


def _folder(prefix: str, user: dict[str, Any]) -> Path:
    """Return a new folder with a short path, as sockets need it, that `user` owns."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
    if user:
        os.chown(folder, user["user"], user["group"])
    return folder


class PostgresServer:
    """A PostgreSQL cluster. The user is `tester`; over TCP the password is asked, and `url` has it."""

    user = "tester"
    password = "p@ss/word:1"  # with characters that an address must escape

    def __init__(self, binaries: Path) -> None:
        self._bin = binaries
        self._as = _as_user("postgres")
        self.folder = _folder("spg", self._as)
        self.data = self.folder / "data"
        self.port = free_port()
        self._names = 0
        secret = self.folder / "password"
        secret.write_text(self.password)
        secret.chmod(0o644)
        self._run(
            "initdb", "-D", self.data, "-U", self.user, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync",
            "--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={secret}",
        )  # fmt: skip
        settings = {
            "listen_addresses": "'127.0.0.1'",
            "port": self.port,
            "unix_socket_directories": f"'{self.folder}'",
            "fsync": "off",  # survives the server's crash, not the computer's; synchronous_commit stays on
            "full_page_writes": "off",
            "max_connections": 60,
            "shared_buffers": "'16MB'",
            "timezone": "'UTC'",
            "log_statement": "'all'",
        }
        with (self.data / "postgresql.auto.conf").open("a") as conf:
            conf.writelines(f"{name} = {value}\n" for name, value in settings.items())

    def start(self) -> None:
        """Start the server; returns when it takes connections. The port stays the same."""
        self._run("pg_ctl", "start", "-w", "-s", "-t", START_S, "-D", self.data, "-l", self.log_file)

    def stop(self, mode: str = "fast") -> None:
        """Stop the server: `fast` in order, `immediate` as a crash, without a checkpoint."""
        self._run("pg_ctl", "stop", "-w", "-s", "-t", STOP_S, "-m", mode, "-D", self.data)

    def crash(self) -> None:
        """Stop the server as a crash: every connection breaks, the next start recovers."""
        self.stop("immediate")

    def program(self, name: str) -> Path:
        """Return where a program of this server's version is."""
        return self._bin / name

    @property
    def running(self) -> bool:
        """Whether the server is up."""
        command = [self._bin / "pg_ctl", "status", "-D", self.data]
        return subprocess.run(command, capture_output=True, check=False, **self._as).returncode == 0

    @property
    def log_file(self) -> Path:
        """What the server has written; every statement is in it."""
        return self.folder / "log"

    def url(self, database: str, *, over_socket: bool = False, password: str | None = None) -> str:
        """Return the address of a database as SQLAlchemy takes it."""
        if over_socket:
            return f"postgresql+psycopg://{self.user}@/{database}?host={self.folder}&port={self.port}"
        secret = quote(self.password if password is None else password, safe="")
        return f"postgresql+psycopg://{self.user}:{secret}@127.0.0.1:{self.port}/{database}"

    @contextlib.contextmanager
    def database(self) -> Generator[str]:
        """Make an empty database and drop it at the end; its name."""
        self._names += 1
        name = f"test_{os.getpid()}_{self._names}"
        self.execute(f"CREATE DATABASE {name}")
        try:
            yield name
        finally:
            if not self.running:
                self.start()
            self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run one statement outside of a transaction."""
        import psycopg

        where = f"host={self.folder} port={self.port} user={self.user} dbname={database}"
        with psycopg.connect(where, autocommit=True) as connection:
            connection.execute(statement)

    def remove(self) -> None:
        """Stop the server and remove its folder."""
        if self.running:
            self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *arguments: object) -> None:
        command = [str(self._bin / program), *map(str, arguments)]
        # the server inherits what is open: it gets no pipe of ours, or we would wait for its end
        with (self.folder / "tool.log").open("ab") as log:
            ended = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=False,
                cwd=self.folder,
                **self._as,
            )
        if ended.returncode:
            said = (self.folder / "tool.log").read_text(errors="replace")[-2000:]
            server = self.log_file.read_text(errors="replace")[-2000:] if self.log_file.exists() else ""
            raise RuntimeError(f"{program} ended with {ended.returncode}:\n{said}\n{server}")


class MariadbServer:
    """A MariaDB server. The user is `tester` with a password; `url` has it."""

    user = "tester"
    password = "p@ss/word:1"

    def __init__(self, daemon: str) -> None:
        self._daemon = daemon
        self._as = _as_user("mysql")
        self.folder = _folder("smy", self._as)
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._names = 0
        installer = (
            shutil.which("mariadb-install-db") or shutil.which("mysql_install_db") or "mariadb-install-db"
        )
        with (self.folder / "tool.log").open("ab") as log:
            subprocess.run(
                [installer, "--no-defaults", f"--datadir={self.folder}/data", "--skip-test-db",
                 "--auth-root-authentication-method=normal", "--innodb-flush-log-at-trx-commit=0"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True, cwd=self.folder, **self._as,
            )  # fmt: skip

    def start(self) -> None:
        """Start the server; returns when it takes connections."""
        command = [
            self._daemon, "--no-defaults", f"--datadir={self.folder}/data", f"--socket={self.folder}/sock",
            f"--port={self.port}", "--bind-address=127.0.0.1", f"--pid-file={self.folder}/pid",
            "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=16M",
            "--character-set-server=utf8mb4", "--performance-schema=OFF",
            f"--general-log-file={self.folder}/statements", "--general-log=ON",
        ]  # fmt: skip
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **self._as
        )
        ready = threading.Event()
        threading.Thread(target=_watch, args=(self._process, ready), daemon=True).start()
        if not ready.wait(START_S):
            self.stop()
            raise RuntimeError("mariadbd did not start")
        with contextlib.suppress(Exception):  # it is there since the first start
            self.execute(f"CREATE USER {self.user}@'%' IDENTIFIED BY '{self.password}'")
            self.execute(f"GRANT ALL ON *.* TO {self.user}@'%'")

    def stop(self) -> None:
        """Stop the server in order."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    @property
    def log_file(self) -> Path:
        """Every statement that the server was given."""
        return self.folder / "statements"

    def url(self, database: str) -> str:
        """Return the address of a database as SQLAlchemy takes it."""
        return f"mysql+pymysql://{self.user}:{quote(self.password, safe='')}@127.0.0.1:{self.port}/{database}"

    @contextlib.contextmanager
    def database(self) -> Generator[str]:
        """Make an empty database and drop it at the end; its name."""
        self._names += 1
        name = f"test_{os.getpid()}_{self._names}"
        self.execute(f"CREATE DATABASE {name}")
        try:
            yield name
        finally:
            self.execute(f"DROP DATABASE IF EXISTS {name}")

    def execute(self, statement: str) -> None:
        """Run one statement as the server's own administrator."""
        import pymysql

        with (
            contextlib.closing(pymysql.connect(unix_socket=f"{self.folder}/sock", user="root")) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)

    def remove(self) -> None:
        """Stop the server and remove its folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def _watch(process: subprocess.Popen[bytes], ready: threading.Event) -> None:
    """Read what the server tells until it ends; it says when it is ready."""
    assert process.stderr is not None
    with process.stderr:
        for line in process.stderr:
            if b"ready for connections" in line:
                ready.set()
