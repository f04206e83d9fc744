"""PowerShell scripts as data files; what they are told goes in as JSON on standard input, never as script.

UNVERIFIED on a real computer: see docs/windows.md.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playbooks.actions.model import LATE, MISSING, Done
from playbooks.actions.parts import must_run
from probes.host.commands import powershell
from supportctl.core.errors import SupportctlError
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbooks.actions.model import Place, Ran
    from supportctl.core.deadline import Deadline

_SCRIPTS = Path(__file__).with_name("scripts")


def tell(place: Place, script: str, deadline: Deadline, **given: object) -> tuple[Ran, dict[str, Any]]:
    """Return what a script answers: the program's end, and the JSON object ({} if there is none).

    The JSON that goes in is plain ASCII, so that the code page of the console does not matter.
    """
    words = powershell(_SCRIPTS.joinpath(f"{script}.ps1").read_text(encoding="utf-8"))
    ran = place.run(words, deadline, json.dumps(given))
    try:
        answer = json.loads(ran.out)
    except ValueError:
        answer = None
    return ran, answer if isinstance(answer, dict) else {}


def look(place: Place, script: str, deadline: Deadline, **given: object) -> Mapping[str, Any]:
    """Return what a script found by looking.

    Raises:
        SupportctlError: PowerShell is missing, did not end in time, or said nothing that can be read.
    """
    ran, answer = tell(place, script, deadline, verb="look", **given)
    must_run(ran, ["powershell.exe"])
    if not answer:
        raise SupportctlError("action.no-answer", program="powershell.exe")
    return answer


def change(place: Place, script: str, deadline: Deadline, **given: object) -> Done:
    """Return how a change by a script ended. `error` is in the words of Windows, `denied` says why."""
    ran, answer = tell(place, script, deadline, **given)
    words = {"program": "powershell.exe", "said": clean(answer.get("error") or ran.err.strip(), 300)}
    if ran.code == LATE:
        return Done(ok=False, code="action.failed-late", words=words)
    if ran.code == MISSING:
        return Done(ok=False, code="action.failed-no-program", words=words)
    if answer.get("denied"):
        return Done(ok=False, code="action.failed-permission", words=words)
    if ran.code or answer.get("error") or not answer:
        return Done(ok=False, code="action.failed-command", words=words)
    return Done(ok=True)
