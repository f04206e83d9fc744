"""Agents as processes: started as an SSH server starts them, and asked over their standard streams."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from supportctl.core.clock import SystemClock
from supportctl.remote.client import Client
from supportctl.remote.link import FileLink
from supportctl.remote.push import archive, command

SUPPORTCTL = str(Path(sys.executable).parent / "supportctl")


class Agent:
    """A process and a client that asks it."""

    def __init__(self, words, sent=b"", **given) -> None:
        self.process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0, **given
        )
        self.link = FileLink(self.process.stdout, self.process.stdin)
        if sent:
            self.link.send(sent)
        self.client = Client(SystemClock(), "t")

    def greet(self):
        return self.client.attach(self.link)

    def end(self):
        """Close its standard input, as the end of a line does; return its code."""
        self.process.stdin.close()
        code = self.process.wait(10)
        self.process.stdout.close()
        self.process.stderr.close()
        return code

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()


def installed(*words, **given):
    """Return an agent of the supportctl that is installed."""
    return Agent([SUPPORTCTL, "agent", "--stdio", *words], **given)


def pushed(data=None, made=None, **given):
    """Return an agent that is brought along; `data` are other bytes than its own."""
    made = made or archive()
    python = os.path.realpath(sys.executable)
    return Agent(["sh", "-c", "exec " + command(made, python)], made.data if data is None else data, **given)


def alive(pid):
    """Return whether a process runs: one that has ended and waits for its parent does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in {"Z", "X"}
