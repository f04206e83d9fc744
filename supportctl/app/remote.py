"""`--on`: the run happens beside the device, in one request; the words are put to it on this side."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from supportctl import __version__
from supportctl.core.clock import SystemClock
from supportctl.core.errors import SupportctlError, UsageError
from supportctl.core.finding_json import FindingJsonError, finding_of, findings_of
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from probes.discovery.identity import Identity
    from supportctl.app.check import CheckRequest
    from supportctl.core.clock import Clock
    from supportctl.core.report import Report
    from supportctl.remote.audited import AuditedClient
    from supportctl.remote.client import Client
    from supportctl.remote.hosts import AsksAboutKey

    OnProgress = Callable[[int, int, list[str]], None]

_MARGIN_S = 5.0  # more than the run itself: for what it needs to begin and to end
_MAX_NAMES = 4
_MAX_TRIED = 500


class Session(Protocol):
    """An open session, whatever way it goes."""

    client: Client

    @property
    def back(self) -> Callable[[], bool]:
        """What brings a line back that broke."""

    def close(self) -> None:
        """End it."""


class Remote(NamedTuple):
    """A session to ask, and the name of its place as people read it."""

    session: Session
    shown: str
    audited: AuditedClient | None = None

    def ask(
        self,
        method: str,
        params: Mapping[str, Any],
        deadline_s: float,
        on_progress: Callable[[Mapping[str, Any]], None] | None = None,
    ) -> Mapping[str, Any]:
        """Return the result of a request; a line that breaks is brought back. Raises: SupportctlError."""
        return (self.audited or self.session.client).call(
            method, params, deadline_s=deadline_s, on_progress=on_progress, back=self.session.back
        )


def remote_folder() -> Path:
    """Return where our key and the keys of machines are."""
    import platformdirs

    return platformdirs.user_config_path("supportctl", appauthor=False) / "remote"


@contextmanager
def open_remote(
    text: str,
    ask: AsksAboutKey | None = None,
    clock: Clock | None = None,
    config: Path | None = None,
    *,
    ticket: str = "",
) -> Iterator[Remote]:
    """Give an open session with `ssh://…` or `code:…`; `ask` is asked about a key that is new.

    `ticket` is what it is about; of a customer who shares it is theirs. Both sides keep a log.

    Raises:
        UsageError: the address is wrong.
        SupportctlError: which step of the way failed, and why.
    """
    from supportctl.app.session_logs import here, supporter_log
    from supportctl.remote.url import CodePlace, parse_remote

    clock = clock or SystemClock()
    place = parse_remote(text)
    if isinstance(place, CodePlace):
        from supportctl.app.share_plan import code_session

        shared = code_session(place.code, config, clock)
        try:
            hello = shared.open()
            with supporter_log(shared.client, hello.session, place.shown(), clock) as audited:
                yield Remote(shared, place.shown(), audited)
        finally:
            shared.close()
        return
    from supportctl.remote.hosts import HostStore
    from supportctl.remote.links.transport import Connector
    from supportctl.remote.ssh_session import SshSession

    folder = remote_folder()
    connector = Connector(HostStore(folder / "hosts.json"), clock, ask)
    session = SshSession(place, connector, folder, clock, chance=_chance, name=secrets.token_hex(8))
    session.client.begins = {"who": here(), **({"ticket": ticket} if ticket.strip() else {})}
    try:
        session.open()
        shown = place.shown(session.port)
        with supporter_log(session.client, ticket, shown, clock) as audited:
            yield Remote(session, shown, audited)
    finally:
        session.close()


def check_on(remote: Remote, request: CheckRequest, on_progress: OnProgress | None = None) -> Report:
    """Return the report of a check that ran on the other side, in this side's language.

    Raises:
        SupportctlError: it could not be asked, or what it says makes no sense.
    """
    from supportctl.catalog import Catalog
    from supportctl.catalog.compose import compose

    params = {
        "targets": list(request.targets),
        "only": list(request.only),
        "skip": list(request.skip),
        "deadline": request.deadline_s,
    }
    told = _progress(on_progress) if on_progress else None
    answer = remote.ask("check", params, request.deadline_s + _MARGIN_S, told)
    with _sense():
        findings = findings_of(answer.get("findings"))
        started = datetime.fromisoformat(str(answer.get("started_at")))
        duration = float(answer.get("duration_s", 0.0))
        if started.tzinfo is None:
            raise ValueError(started)
    report = compose(
        findings,
        Catalog(request.lang),
        tool_version=__version__,
        started_at=started,
        duration_s=duration,
        interrupted=answer.get("interrupted") is True,
        site=_maybe(answer.get("site")),
        site_name=_maybe(answer.get("site_name")),
    )
    from dataclasses import replace

    return replace(report, ran_on=remote.shown)


def identify_on(remote: Remote, word: str, deadline_s: float) -> Identity:
    """Return which device answers on the other side.

    Raises:
        SupportctlError: it could not be asked, or what it says makes no sense.
    """
    answer = remote.ask("identify", {"target": word}, deadline_s)
    with _sense():
        return _identity(answer.get("identity"))


def _identity(value: Any) -> Identity:  # noqa: ANN401  JSON
    from probes.discovery.identity import Identity, Try
    from supportctl.core.target import parse_target

    found, problem, tried = value["found"], value["problem"], value["tried"][:_MAX_TRIED]
    return Identity(
        parse_target(str(value["target"])),
        parse_target(str(found)) if found is not None else None,
        clean(value["settings"]),
        {clean(name, 40): clean(text) for name, text in value["details"].items()},
        tuple(
            Try(clean(asked), clean(with_), clean(outcome), clean(sent), clean(got), float(ms))
            for asked, with_, outcome, sent, got, ms in tried
        ),
        clean(value["why"], 40),
        finding_of(problem) if problem is not None else None,
    )


def _progress(on_progress: OnProgress) -> Callable[[Mapping[str, Any]], None]:
    def told(value: Mapping[str, Any]) -> None:
        done, total, names = value.get("done"), value.get("total"), value.get("names")
        if isinstance(done, int) and isinstance(total, int) and isinstance(names, list):
            on_progress(done, total, [clean(name, 60) for name in names[:_MAX_NAMES]])

    return told


@contextmanager
def _sense() -> Iterator[None]:
    """Turn an answer that makes no sense into an error that says so."""
    try:
        yield
    except (
        FindingJsonError,
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        IndexError,
        UsageError,
    ) as error:
        raise SupportctlError("remote.bad-answer", reason=f"{type(error).__name__}: {error}") from None


def _chance() -> float:
    return secrets.randbelow(1_000_000) / 1_000_000


def _maybe(value: object) -> str | None:
    return clean(value) if isinstance(value, str) else None
