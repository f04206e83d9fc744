"""`playbook run --on`: the run is beside the device, the supporter is here, and so is a copy of its journal.

Over the line go the playbook with its signatures, then events, and answers to what is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from supportctl.app.config_file import load_config
from supportctl.app.playbook import Played, given_of
from supportctl.app.playbook_copy import Line, RunCopy
from supportctl.app.playbook_library import runs_folder
from supportctl.app.playbook_signing import chosen
from supportctl.app.remote_playbook import GUIDE, RUN, changes
from supportctl.app.signed_playbooks import pack
from supportctl.core.clock import SystemClock
from supportctl.core.errors import UsageError
from supportctl.core.redaction import remember

if TYPE_CHECKING:
    from collections.abc import Callable

    from playbooks.engine.executor import Since
    from playbooks.engine.graph import Graph
    from playbooks.engine.ports import Person
    from playbooks.engine.records import Header
    from supportctl.app.playbook import RunRequest
    from supportctl.core.clock import Clock

LONGEST_S = 1800.0  # a request of a session can take no longer


def run_on(
    line: Line,
    request: RunRequest,
    person_of: Callable[[Graph, Header, Since], Person],
    *,
    grant: str = "",
    clock: Clock | None = None,
) -> Played:
    """Run a signed playbook on the other side until it ends or is put aside; its journal is kept here, too.

    Raises:
        UsageError: the playbook is not signed or broken, a role or a parameter is wrong.
        SupportctlError: the other side refuses it, or the line is gone for good; the copy is kept then.
    """
    clock = clock or SystemClock()
    config = load_config(request.config)
    library, name = chosen(request.name, config)
    graph = library.graph(name)
    roles, params = _given(graph, request.settings)
    packed = pack(library, name, config)
    changing = changes(graph)
    if request.dry_run:
        raise UsageError("remote.not-with-on", found="--dry-run")
    if changing and not request.ticket:
        raise UsageError("signing.no-ticket", found=name)
    wish: dict[str, Any] = {
        "files": dict(packed.files),
        "signatures": dict(packed.signatures),
        "name": name,
        "roles": roles,
        "params": params,
        "lang": request.lang,
        **({"ticket": request.ticket} if request.ticket else {}),
        **({"grant": grant} if grant and changing else {}),
    }
    remember(grant)
    copy = RunCopy(line, library, request, person_of, name=name, folder=runs_folder(config), clock=clock)
    try:
        answer = line.client.call(
            RUN if changing else GUIDE, wish, deadline_s=LONGEST_S, on_progress=copy.heard, back=copy.back
        )
        copy.catch_up(str(answer.get("run")))
        return copy.played()
    finally:
        copy.close()


def _given(graph: Graph, words: tuple[str, ...]) -> tuple[dict[str, str], dict[str, str]]:
    """Return what `--set` says of roles and of parameters; the other side looks whether it fits."""
    given = given_of(graph, words)
    roles = {name: value for name, value in given.items() if name in graph.roles}
    return roles, {name: value for name, value in given.items() if name not in roles}
