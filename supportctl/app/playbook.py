"""A run of a playbook: library, graph, journal, hands and a person, plugged together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from playbooks.engine.executor import Executor, Since
from playbooks.engine.journal import Journal, read, replay
from playbooks.engine.library import Library
from playbooks.engine.loader import Loaded, load
from playbooks.engine.planner import resumable
from playbooks.engine.records import Header
from supportctl import __version__
from supportctl.app.config_file import load_config
from supportctl.app.playbook_hands import RealHands
from supportctl.app.playbook_library import folders, runs_folder
from supportctl.app.playbook_runs import find_run, journal_path, keep, kept_folder, new_run_id
from supportctl.app.who import who_acts
from supportctl.core.clock import SystemClock
from supportctl.core.errors import UsageError
from supportctl.core.nearest import nearest
from supportctl.core.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from playbooks.engine.executor import Result
    from playbooks.engine.graph import Graph
    from playbooks.engine.journal import Record
    from playbooks.engine.needs import Parameter
    from playbooks.engine.ports import Hands, Person
    from playbooks.engine.state import State
    from supportctl.core.clock import Clock
    from supportctl.core.site import SiteConfig

_SUFFIX = ".yaml"


class Opened(NamedTuple):
    """A playbook that can run. `digest` is that of its file and all that it includes, `texts` are these."""

    loaded: Loaded
    graph: Graph
    digest: str
    texts: Mapping[str, str]


class RunRequest(NamedTuple):
    """What to run. `settings` are roles and parameters as `NAME=VALUE`."""

    name: str
    lang: str = "en"
    settings: tuple[str, ...] = ()
    ticket: str = ""
    dry_run: bool = False
    config: Path | None = None


class Played(NamedTuple):
    """A run, as far as it came."""

    run: str
    path: Path
    graph: Graph
    result: Result


def open_playbook(name: str, config: SiteConfig | None) -> Opened:
    """Return a playbook by its name, or by the path of its file; included ones may lie beside it.

    Raises:
        UsageError: there is none, or something is wrong with it (`playbook.*`).
    """
    places = folders(config)[1:]  # the first is the shipped library
    if name.endswith(_SUFFIX) or "/" in name or "\\" in name:
        path = Path(name).absolute()
        load(path)  # what is wrong with this very file is told first
        places.append(path.parent)
        name = path.stem
    return _opened(Library(places), name)


def start_run(
    request: RunRequest,
    person_of: Callable[[Graph, Header, Since], Person],
    *,
    clock: Clock | None = None,
    hands: Hands | None = None,
    searching: Callable[[], None] = lambda: None,
) -> Played:
    """Run a playbook until it ends or is paused; `searching` hears when devices have to be looked for.

    Raises:
        UsageError: the playbook, a role or a parameter is wrong; nothing was done then.
    """
    clock = clock or SystemClock()
    config = load_config(request.config)
    opened = open_playbook(request.name, config)
    hands = hands or RealHands(config, request.config, request.lang, clock, searching)
    roles, params = settings_of(opened.graph, request.settings, hands)
    now, folder = clock.now(), runs_folder(config)
    header = Header(
        run=new_run_id(folder, now),
        playbook=opened.loaded.playbook.name,
        version=opened.loaded.playbook.version,
        digest=opened.digest,
        tool_version=__version__,
        language=request.lang,
        started_at=now,
        ticket=request.ticket,
        site=(config.site.id or "") if config else "",
        operator=who_acts(),
        dry_run=request.dry_run,
        roles=roles,
        params=params,
        source=str(opened.loaded.path.resolve()),
    )
    path = journal_path(folder, header.run)
    since = Since(clock, now)
    with Journal.begin(path, header) as journal:
        keep(folder, opened.digest, opened.texts)
        person = person_of(opened.graph, header, since)
        executor = Executor(opened.graph, hands, person, journal, since, dry_run=request.dry_run)
        return Played(header.run, path, opened.graph, executor.begin(roles, params))


def resume_run(
    word: str,
    person_of: Callable[[Graph, Header, Since], Person],
    *,
    extra_s: float | None = None,
    on_cut: Callable[[], None] = lambda: None,
    passed_over: Callable[[Path], None] = lambda _path: None,
    config_path: Path | None = None,
    clock: Clock | None = None,
    hands: Hands | None = None,
) -> Played:
    """Go on with a run that was paused, killed, or handed over for want of time.

    `on_cut` hears that the last line of the journal was cut off and does not count; `passed_over` hears of
    runs that are newer than `last` and cannot be read.

    Raises:
        UsageError: `run.*`: there is none, somebody is at it, it has ended, its playbook has changed.
    """
    clock = clock or SystemClock()
    config = load_config(config_path)
    path = find_run(runs_folder(config), word, begun=True, passed_over=passed_over)
    opened = _same(read(path), config)
    journal, record = Journal.reopen(path)
    with journal:
        if record.cut:
            on_cut()
        header = record.header
        state = replay(opened.graph, record)
        if state.finish is not None and not resumable(state.finish):
            raise UsageError("run.ended", found=header.run, outcome=state.finish.outcome.value)
        if not record.events:
            raise UsageError("run.journal-empty", found=path)
        since = Since(clock, header.started_at, record.last_at)
        hands = hands or RealHands(config, config_path, header.language, clock)
        _remember(opened.graph, header, hands)
        person = person_of(opened.graph, header, since)
        executor = Executor(opened.graph, hands, person, journal, since, dry_run=header.dry_run)
        return Played(
            header.run, path, opened.graph, executor.resume(record, state, _extra(opened, state, extra_s))
        )


def read_run(
    word: str, config_path: Path | None, *, passed_over: Callable[[Path], None] = lambda _path: None
) -> tuple[Opened, Record]:
    """Return a run and its playbook, for its report; `passed_over` as for `resume_run`.

    Raises:
        UsageError: as `resume_run`.
    """
    config = load_config(config_path)
    record = read(find_run(runs_folder(config), word, passed_over=passed_over))
    return _same(record, config), record


def _opened(library: Library, name: str) -> Opened:
    return Opened(library.load(name), library.graph(name), library.digest(name), library.texts(name))


def _same(record: Record, config: SiteConfig | None) -> Opened:
    """Return the playbook of a run as it was: the one of today if it is the same, else the copy of that day.

    Raises:
        UsageError: `playbook.changed-since`, or what is wrong with the playbook now.
    """
    header = record.header
    kept = kept_folder(runs_folder(config), header.digest)
    if kept.is_dir():
        opened = _opened(Library([kept], shipped=None), header.playbook)
    else:
        source = Path(header.source)
        opened = open_playbook(str(source) if source.is_file() else header.playbook, config)
    if opened.digest != header.digest:
        found = opened.loaded.playbook.version
        raise UsageError(
            "playbook.changed-since",
            playbook=header.playbook,
            version=header.version,
            found=found,
            run=header.run,
        )
    return opened


def _extra(opened: Opened, state: State, extra_s: float | None) -> float:
    """Return how much longer a run may take: what was said; once it is over, its whole time again."""
    if extra_s is not None:
        return extra_s
    return opened.graph.playbook.budget.total if state.finish is not None else 0.0


def _remember(graph: Graph, header: Header, hands: Hands) -> None:
    """Let the hands see that what the run stands on is there still: accounts and names of a configuration."""
    for name, targets in header.roles.items():
        role = graph.roles.get(name)
        for target in targets if role else ():
            if "://" not in target and role is not None:
                hands.candidates(name, role, target)


def settings_of(
    graph: Graph, words: Sequence[str], hands: Hands
) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    """Return the targets of roles and the parameters, from `NAME=VALUE` and what the hands find.

    Raises:
        UsageError: `run.*`.
    """
    given = given_of(graph, words)
    params = {
        name: _parameter(name, parameter, given.get(name, parameter.default))
        for name, parameter in graph.parameters.items()
    }
    roles = {name: hands.candidates(name, role, given.get(name)) for name, role in graph.roles.items()}
    return roles, {name: redact(value, prose=True) for name, value in params.items()}


def given_of(graph: Graph, words: Sequence[str]) -> dict[str, str]:
    """Return what `--set` says: the names are roles or parameters of the playbook.

    Raises:
        UsageError: `run.bad-set`, `run.unknown-set`.
    """
    given: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise UsageError("run.bad-set", found=word)
        if name not in graph.roles and name not in graph.parameters:
            known = (*graph.roles, *graph.parameters)
            raise UsageError("run.unknown-set", found=name, nearest=nearest(name, known))
        given[name] = value
    return given


def _parameter(name: str, parameter: Parameter, value: str) -> str:
    if not value:
        if parameter.required:
            title = next(iter(parameter.title.values()))
            raise UsageError("run.missing-parameter", name=name, title=title)
        return value
    if parameter.kind == "number":
        try:
            float(value.replace(",", "."))
        except ValueError:
            raise UsageError("run.bad-parameter", name=name, found=value, expected="57.5") from None
        return value.replace(",", ".")
    if parameter.kind == "file" and not Path(value).expanduser().is_file():
        raise UsageError("run.bad-parameter", name=name, found=value, expected="a file / файл")
    return value
