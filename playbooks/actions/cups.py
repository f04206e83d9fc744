"""Print queues of CUPS as its own programs tell and change them; `CUPS_SERVER` names another server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from playbooks.actions.parts import must_run
from supportctl.core.errors import SupportctlError, UsageError
from supportctl.core.nearest import nearest
from supportctl.core.text import clean

if TYPE_CHECKING:
    from playbooks.actions.model import Place
    from supportctl.core.deadline import Deadline

_NAME = re.compile(r"[^\s/#?'\"\\-][^\s/#?'\"\\]{0,126}")  # what CUPS lets a queue be called
_JOB = re.compile(r"(?P<id>\S+-\d+)\s+(?P<user>\S+)\s+\d+\s")
_DOWN = re.compile(
    r"scheduler is not running|unable to connect|connection refused|bad file descriptor"
    r"|transport endpoint is not connected|no such file or directory",
    re.IGNORECASE,
)


class Job(NamedTuple):
    """A waiting job: its id (`QUEUE-NUMBER`) and whose it is."""

    id: str
    user: str


class State(NamedTuple):
    """Whether a queue prints, and takes new jobs. `reason`: why not, as the one who stopped it wrote."""

    enabled: bool
    accepting: bool
    reason: str = ""


def jobs_of(place: Place, queue: str, deadline: Deadline) -> tuple[Job, ...]:
    """Return the waiting jobs of a queue, the oldest first.

    Raises:
        UsageError: there is no such queue.
        SupportctlError: CUPS is not installed or does not answer.
    """
    return parse_jobs(_lpstat(place, queue, deadline, "-o", queue))


def parse_jobs(text: str) -> tuple[Job, ...]:
    """Return the jobs that `lpstat -o` prints."""
    rows = (_JOB.match(line) for line in text.splitlines())
    return tuple(Job(row["id"], row["user"]) for row in rows if row)


def state_of(place: Place, queue: str, deadline: Deadline) -> State:
    """Return the state of a queue; raises as `jobs_of`."""
    return parse_state(
        _lpstat(place, queue, deadline, "-p", queue), _lpstat(place, queue, deadline, "-a", queue)
    )


def parse_state(printer: str, accepting: str) -> State:
    """Return the state that `lpstat -p` and `lpstat -a` print."""
    lines = printer.splitlines() or [""]
    disabled = re.match(r"printer \S+ disabled since ", lines[0]) is not None
    reason = clean(lines[1].strip(), 200) if disabled and len(lines) > 1 else ""
    takes = re.match(r"\S+ not accepting requests", accepting) is None
    return State(not disabled, takes, "" if reason == "reason unknown" else reason)


def check_name(action: str, queue: str) -> None:
    """Check that `queue` can be the name of a queue: it stands among the words of a command.

    Raises:
        UsageError: it cannot.
    """
    if not _NAME.fullmatch(queue):
        raise UsageError("action.bad-parameter", action=action, parameter="queue", found=queue)


def _lpstat(place: Place, queue: str, deadline: Deadline, *words: str) -> str:
    ran = must_run(place.run(["lpstat", *words], deadline), ["lpstat"])
    if ran.code == 0:
        return ran.out
    said = f"{ran.err} {ran.out}"
    if "not running" in place.run(["lpstat", "-r"], deadline).out:  # else it says that there is no such queue
        raise SupportctlError("action.print-service-down", said="scheduler is not running")
    if "Invalid destination" in said or "does not exist" in said or "Unknown destination" in said:
        known = place.run(["lpstat", "-e"], deadline).out.split()
        raise UsageError("action.no-such-queue", found=queue, nearest=nearest(queue, known))
    if _DOWN.search(said):
        raise SupportctlError("action.print-service-down", said=said.strip())
    raise SupportctlError("action.no-answer", program=f"lpstat: {said.strip()}")
