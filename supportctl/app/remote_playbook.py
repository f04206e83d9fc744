"""Runs of signed playbooks for a supporter elsewhere: beside the devices, with consent asked here."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

from playbooks.engine.executor import Executor, Since
from playbooks.engine.records import Header
from supportctl import __version__
from supportctl.app.config_file import load_config
from supportctl.app.playbook import settings_of
from supportctl.app.playbook_hands import RealHands
from supportctl.app.playbook_library import runs_folder
from supportctl.app.playbook_runs import journal_path, keep, new_run_id
from supportctl.app.remote_consent import Change, Consent, run_question
from supportctl.app.remote_person import FarPerson, Talk, ToldJournal
from supportctl.app.signed_playbooks import (
    not_rolled_back,
    receive,
    remember,
    seen_path,
    signers_of,
    versions_of,
)
from supportctl.app.who import who_acts
from supportctl.catalog import Catalog
from supportctl.core.errors import SupportctlError, UsageError
from supportctl.core.text import clean
from supportctl.remote.methods import METHODS
from supportctl.remote.server import wanted_of
from supportctl.remote.sshsig import SigningError
from supportctl.remote.work import target_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    from playbooks.actions.model import Done, Plan
    from playbooks.engine.graph import Graph
    from playbooks.engine.model import Check
    from playbooks.engine.needs import Role
    from playbooks.engine.ports import Hands, Looked
    from playbooks.engine.state import AskConsent, State
    from supportctl.app.signed_playbooks import Received
    from supportctl.core.clock import Clock
    from supportctl.core.site import SiteConfig
    from supportctl.remote.capability import Wanted
    from supportctl.remote.consent import Question
    from supportctl.remote.server import Call

    Handler = Callable[[Mapping[str, Any], Call], Mapping[str, Any]]
    MakesHands = Callable[[SiteConfig | None, str, Talk], Hands]

RUN, GUIDE, ANSWER, NEWS = "playbook.run", "playbook.guide", "playbook.answer", "playbook.news"
_KEPT = 8  # runs whose messages can still be asked for
_LANGUAGES = frozenset({"en", "ru"})


class Settings(NamedTuple):
    """What runs here go by. `hosts` are machines beyond the local network that a target may name."""

    config: Path | None
    clock: Clock
    consent: Consent
    lang: str = "en"  # of the customer
    hosts: Collection[str] = ()
    seen: Path | None = None
    hands: MakesHands | None = None


def changes(graph: Graph) -> bool:
    """Return whether a playbook, or one that it includes, can change anything."""
    return bool(graph.risks)


class RemotePlaybooks:
    """The methods `playbook.*` of a session, and the question that its gate asks about them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._talks: OrderedDict[str, Talk] = OrderedDict()
        self._lock = threading.Lock()
        self._running = threading.Lock()

    def handlers(self) -> dict[str, Handler]:
        """Return the methods by name."""
        return {RUN: self._run, GUIDE: self._guide, ANSWER: self._answer, NEWS: self._news}

    def describe(self, wanted: Wanted, params: Mapping[str, Any]) -> Question:
        """Return the question whether this playbook may run.

        Raises:
            SupportctlError: it is not signed, expired, rolled back or broken: nobody is asked about that.
        """
        library = self._received(params, load_config(self._settings.config))
        name = params["name"]
        graph = library.graph(name)
        return run_question(Catalog(self._settings.lang), wanted, graph, library.signed[name], wanted.target)

    # --- methods ------------------------------------------------------------------------------------------

    def _guide(self, params: Mapping[str, Any], call: Call) -> Mapping[str, Any]:
        library = self._received(params, load_config(self._settings.config))
        graph = library.graph(params["name"])
        if changes(graph):
            raise SigningError("signing.needs-fix", found=params["name"])
        files = [name for name, each in graph.parameters.items() if each.kind == "file"]
        given = [name for name in files if name in params.get("params", {})]
        if given:  # whether a file is there is more than a look at devices
            raise UsageError("signing.local-only", name=given[0], found=params["params"][given[0]])
        return self._alone(library, graph, params, call)

    def _run(self, params: Mapping[str, Any], call: Call) -> Mapping[str, Any]:
        library = self._received(params, load_config(self._settings.config))
        return self._alone(library, library.graph(params["name"]), params, call)

    def _answer(self, params: Mapping[str, Any], _call: Call) -> Mapping[str, Any]:
        self._talk(params["run"]).answer(params["number"], params["kind"], params.get("value", ""))
        return {}

    def _news(self, params: Mapping[str, Any], _call: Call) -> Mapping[str, Any]:
        return {"news": self._talk(params["run"]).since(params.get("after", 0))}

    # --- what they have in common -------------------------------------------------------------------------

    def _received(self, params: Mapping[str, Any], config: SiteConfig | None) -> Received:
        now = self._settings.clock.now()
        library = receive(params["files"], params["signatures"], signers_of(config), now)
        not_rolled_back(self._settings.seen or seen_path(), versions_of(library))
        return library

    def _alone(
        self, library: Received, graph: Graph, params: Mapping[str, Any], call: Call
    ) -> Mapping[str, Any]:
        """Run it, unless another run is going on: two would change the same devices under each other."""
        if not self._running.acquire(blocking=False):
            raise SupportctlError("signing.other-run")
        try:
            return self._played(library, graph, params, call)
        finally:
            self._running.release()

    def _played(
        self, library: Received, graph: Graph, params: Mapping[str, Any], call: Call
    ) -> Mapping[str, Any]:
        clock, name = self._settings.clock, params["name"]
        config = load_config(self._settings.config)
        talk = Talk(call)
        lang = params["lang"] if params.get("lang") in _LANGUAGES else "en"
        hands = self._hands(config, lang, talk)
        words = [
            f"{key}={value}" for part in ("roles", "params") for key, value in params.get(part, {}).items()
        ]
        roles, values = settings_of(graph, words, hands)
        now, folder = clock.now(), runs_folder(config)
        loaded = library.load(name)
        header = Header(
            run=new_run_id(folder, now),
            playbook=name,
            version=loaded.playbook.version,
            digest=library.digest(name),
            tool_version=__version__,
            language=lang,
            started_at=now,
            ticket=clean(params.get("ticket", ""), 80),
            site=(config.site.id or "") if config else "",
            operator=who_acts(),
            roles=roles,
            params=values,
        )
        remember(self._settings.seen or seen_path(), versions_of(library))
        self._keep(talk)
        since = Since(clock, now)
        wanted = wanted_of(METHODS[call.method], params)

        def consents(ask: AskConsent, plan: Plan, _state: State) -> bool:
            if call.method != RUN:
                return False
            risk = graph.risks.get(ask.action, "cannot-undo")
            change = Change(plan, risk, name, loaded.playbook.version, library.signed[name])
            return self._settings.consent.ask(wanted, change, lambda: talk.over) is True

        with ToldJournal.begin(journal_path(folder, header.run), header) as journal:
            keep(folder, header.digest, library.texts(name))
            talk.tell(header={"digest": header.digest, "roles": {k: list(v) for k, v in roles.items()},
                              "params": values, "site": header.site, "run": header.run})  # fmt: skip
            journal.told = lambda line: talk.tell(line=line)
            result = Executor(graph, hands, FarPerson(talk, since, consents), journal, since).begin(
                roles, values
            )
        finish = result.state.finish
        outcome = "paused" if result.paused or finish is None else finish.outcome.value
        return {"run": talk.id, "outcome": outcome, "messages": talk.count}

    def _hands(self, config: SiteConfig | None, lang: str, talk: Talk) -> Hands:
        makes = self._settings.hands
        inner = makes(config, lang, talk) if makes else RealHands(
            config, self._settings.config, lang, self._settings.clock
        )  # fmt: skip
        return BoundHands(inner, config, talk, self._settings.hosts)

    def _keep(self, talk: Talk) -> None:
        with self._lock:
            self._talks[talk.id] = talk
            while len(self._talks) > _KEPT:
                self._talks.popitem(last=False)

    def _talk(self, run: str) -> Talk:
        with self._lock:
            talk = self._talks.get(run)
        if talk is None:
            raise SupportctlError("signing.no-such-run", found=run)
        return talk


class BoundHands:
    """Hands that go no further than a session may, and begin nothing when it is over."""

    def __init__(self, hands: Hands, config: SiteConfig | None, talk: Talk, hosts: Collection[str]) -> None:
        self._hands = hands
        self._talk = talk
        own = {entry.target().host for entry in config.targets} if config else set()
        self._hosts = {*hosts, *own} - {""}
        self._chosen: set[str] = set()

    def candidates(self, name: str, role: Role, given: str | None) -> tuple[str, ...]:
        """Return the targets of a role; a list in a file of this computer is nothing for the wire to name."""
        if given is not None and given.startswith("@"):
            raise UsageError("signing.local-only", name=name, found=given)
        for word in (given or "").split(","):
            if "://" in word:
                target_of(word.strip(), self._hosts)
        found = self._hands.candidates(name, role, given)
        self._chosen.update(found)
        return found

    def check(self, check: Check, targets: tuple[str, ...]) -> Looked:
        """Ask devices."""
        self._still()
        return self._hands.check(check, targets)

    def sync(self, source: str, crm: str, since: str) -> Looked:
        """Compare telephony with a CRM."""
        self._still()
        return self._hands.sync(source, crm, since)

    def lane(self, destination: str) -> Looked:
        """Look at a destination."""
        self._still()
        return self._hands.lane(destination)

    def plan(self, action: str, params: Mapping[str, str]) -> Plan:
        """Return what an action would do; a parameter from the wire leads it no further than a role."""
        self._still()
        target = params.get("target", "")
        if "://" in target and target not in self._chosen:
            target_of(target, self._hosts)
        return self._hands.plan(action, params)

    def act(self, plan: Plan) -> Done:
        """Do it."""
        self._still()
        return self._hands.act(plan)

    def undo(self, plan: Plan) -> Done:
        """Bring back what was before: that is finished even when the session is over."""
        return self._hands.undo(plan)

    def _still(self) -> None:
        if self._talk.over:
            raise KeyboardInterrupt  # as if the person here had put the run aside: the executor knows that
