"""What the actions have in common: their parameters, and what a program's refusal means."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playbooks.actions.model import LATE, MISSING, Done
from supportctl.core.errors import SupportctlError, UsageError
from supportctl.core.nearest import nearest
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from playbooks.actions.model import Ran

MAX_PARAM = 1000
_DENIED = re.compile(
    r"permission denied|access denied|access is denied|forbidden|unauthorized|not authorized"
    r"|authentication is required|authentication required|operation not permitted|must be (?:root|superuser)"
    r"|not allowed|are you root",
    re.IGNORECASE,
)


def checked(action: str, known: Mapping[str, bool], params: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters that were given, without empty ones.

    Raises:
        UsageError: one is missing, too long, or not known to the action.
    """
    for name in params:
        if name not in known:
            near = nearest(name, known)
            raise UsageError("action.unknown-parameter", action=action, found=name, nearest=near)
    given = {name: value for name, value in params.items() if value}
    for name, needed in known.items():
        if needed and name not in given:
            raise UsageError("action.missing-parameter", action=action, parameter=name)
    for name, value in given.items():
        if len(value) > MAX_PARAM or "\0" in value or "\n" in value or "\r" in value:
            raise UsageError("action.bad-parameter", action=action, parameter=name, found=clean(value))
    return given


def must_run(ran: Ran, words: Sequence[str]) -> Ran:
    """Return `ran` if the program was there and ended.

    Raises:
        SupportctlError: it is not installed, or did not end in time.
    """
    if ran.code == MISSING:
        raise SupportctlError("action.no-program", program=words[0])
    if ran.code == LATE:
        raise SupportctlError("action.no-answer", program=words[0])
    return ran


def refusal(ran: Ran, words: Sequence[str]) -> Done:
    """Return what went wrong with a program that did not do what it was told."""
    said = clean(" ".join((ran.err or ran.out).split()), 300)
    told = {"program": words[0], "said": said}
    if ran.code == LATE:
        return Done(ok=False, code="action.failed-late", words=told)
    if ran.code == MISSING:
        return Done(ok=False, code="action.failed-no-program", words=told)
    if _DENIED.search(said):
        return Done(ok=False, code="action.failed-permission", words=told)
    return Done(ok=False, code="action.failed-command", words=told)


def not_here(action: str, system: str) -> SupportctlError:
    """Return the error of an action that this system does not have."""
    return SupportctlError("action.not-on-this-system", action=action, system=system)
