"""The hands of a run in the real world: devices, accounts, the ledger, and this computer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from playbooks.engine.ports import Looked, areas_of, tally
from supportctl.app.check import CheckRequest, look
from supportctl.catalog import Catalog
from supportctl.core.deadline import Deadline
from supportctl.core.errors import UsageError
from supportctl.core.finding import Finding, Status
from supportctl.core.target import THIS_COMPUTER, Target, parse_target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from playbooks.actions.model import Action, Done, Place, Plan
    from playbooks.engine.model import Check
    from playbooks.engine.needs import Role
    from supportctl.core.clock import Clock
    from supportctl.core.site import SiteConfig

COMPUTER = "computer"
_SYNC_AREAS = ("sync", "crm", "telephony")
_ACTION_S = 30.0  # beyond what an action says that it takes


class RealHands:
    """What a run does in the shop. `config_path` is what `--config` says; `searching` hears of a search."""

    def __init__(
        self,
        config: SiteConfig | None,
        config_path: Path | None,
        lang: str,
        clock: Clock,
        searching: Callable[[], None] = lambda: None,
    ) -> None:
        self._config = config
        self._config_path = config_path
        self._catalog = Catalog(lang)
        self._clock = clock
        self._given: dict[str, str] = {}  # URL as it is shown -> as it was given, with its password
        self._called: dict[str, str] = {}  # URL -> what a list of sites calls it
        self._found: tuple[Target, ...] | None = None  # by discovery
        self._searching = searching
        self._made: Place | None = None

    # --- who is meant -------------------------------------------------------------------------------------

    def candidates(self, name: str, role: Role, given: str | None) -> tuple[str, ...]:
        """Return the targets that fit a role (URLs; accounts as `KIND:NAME`).

        Raises:
            UsageError: what was given is no target, or does not fit; a role that is needed has nothing.
        """
        if given and given.startswith("@"):
            return self._listed(name, role, Path(given[1:]))
        if given:
            words = [word.strip() for word in given.split(",")] if role.many else [given]
            return tuple(self._named(name, role, word) for word in words if word)
        found = self._accounts(role) if role.section != "targets" else self._targets(role)
        if not found and not role.optional:
            title = role.title.get(self._catalog.lang) or next(iter(role.title.values()))
            raise UsageError("run.no-target", role=name, title=title, expected=_expected(role))
        return tuple(dict.fromkeys(found))

    def _named(self, name: str, role: Role, word: str) -> str:
        if role.section != "targets":
            fitting = self._accounts(role)
            found = next(
                (account for account in fitting if word in {account, account.partition(":")[2]}), None
            )
            if found is None:
                raise UsageError(
                    "run.does-not-fit", role=name, found=word, expected=", ".join(fitting) or "-"
                )
            return found
        from supportctl.app.targets import resolve_target

        target = resolve_target(word, self._config)
        if target.protocol is None and len(role.protocols) == 1:
            target = target.speaking(role.protocols[0])
            word = word if "://" not in word else f"{role.protocols[0]}+{word}"
        if role.protocols and target.protocol not in role.protocols:
            raise UsageError("run.does-not-fit", role=name, found=target.url, expected=_expected(role))
        self._given[target.url] = word
        return target.url

    def _listed(self, name: str, role: Role, path: Path) -> tuple[str, ...]:
        """Return the targets of a file.

        Raises:
            UsageError: `run.sites-*`, or what is wrong with one of them, with its line as `where`.
        """
        from supportctl.app.playbook_sites import placed, read_sites

        if not role.many:
            raise UsageError("run.sites-one", role=name, found=f"@{path}")
        found: dict[str, int] = {}
        for site in read_sites(path):
            url = placed(path, site.line, lambda word=site.word: self._named(name, role, word))  # type: ignore[misc]
            if url in found:
                raise UsageError(
                    "run.sites-twice", where=f"{path}:{site.line}", found=site.word, line=found[url]
                )
            found[url] = site.line
            if site.name:
                self._called[url] = site.name
        return tuple(found)

    def _accounts(self, role: Role) -> list[str]:
        section = getattr(self._config, role.section, {}) if self._config else {}
        found = [f"{model.kind}:{name}" for name, model in section.items()]
        return [
            account for account in found if not role.protocols or account.partition(":")[0] in role.protocols
        ]

    def _targets(self, role: Role) -> list[str]:
        def fits(target: Target) -> bool:
            return not role.protocols or target.protocol in role.protocols

        if self._config and (found := [t.url for t in self._config.parsed_targets() if fits(t)]):
            return found
        if role.optional and (role.many or (self._config and self._config.targets)):
            return []  # a list of sites is written down; and who wrote down his devices has told them all
        return [target.url for target in self._plugged_in() if fits(target)]

    def _plugged_in(self) -> tuple[Target, ...]:
        """What is there without a word in the configuration: known by its ids first, then by asking; once."""
        if self._found is None:
            from supportctl.app.discover import discover_targets, run_discover

            self._searching()
            asked = run_discover(ask_serial=True, clock=self._clock).found
            self._found = (*discover_targets(), *(item.target for item in asked if item.target is not None))
        return self._found

    def _word(self, target: str) -> str:
        """Return what a check calls a target: the configuration's name, or the URL as it was given."""
        if target == COMPUTER:
            return f"{THIS_COMPUTER.url}"
        if "://" not in target:
            return target.partition(":")[2] or target
        configured = self._config.parsed_targets() if self._config else ()
        known = next((each for each in configured if each.url == target and each.name), None)
        if known is not None and known.name:
            return known.name
        return self._given.get(target, target)

    # --- looking ------------------------------------------------------------------------------------------

    def check(self, check: Check, targets: tuple[str, ...]) -> Looked:
        """Ask these targets. What cannot be asked at all is told as not known."""
        areas = areas_of(check)
        words = tuple(self._word(target) for target in targets)
        request = CheckRequest(
            self._catalog.lang, words, check.only, check.skip, check.deadline, self._config_path
        )
        try:
            found = look(request, self._config, self._catalog, self._clock)
        except UsageError as error:
            if error.key == "check.nothing-to-ask":
                return Looked((), targets, areas=areas)
            protocol = error.args_by_name.get("found", error.key)
            return Looked(tuple(_unasked(target, protocol) for target in targets), targets, areas=areas)
        if found.interrupted:
            raise KeyboardInterrupt
        named = tuple(
            each._replace(name=each.name or self._called.get(each.target)) for each in found.findings
        )
        return Looked(named, targets, tally(named, targets), areas)

    def sync(self, source: str, crm: str, since: str) -> Looked:
        """Compare telephony with a CRM: one finding for each kind of gap, `count` among its arguments."""
        from integrations.sync.findings import findings
        from supportctl.app.sync import SyncRequest, run_sync

        request = SyncRequest(self._catalog.lang, source, crm, since, config=self._config_path)
        with run_sync(request, clock=self._clock) as report:
            if report.interrupted:
                raise KeyboardInterrupt
            told = [*report.found, *findings(report.result, crm, crm)]
            if not report.complete:  # then nothing that is missing is claimed to be
                told = [each for each in told if each.code not in {"sync.call-missing", "sync.calls"}]
            facts = {"calls": float(report.result.calls), "matched": float(report.result.matched)}
        return Looked(tuple(told), (source, crm), facts, _SYNC_AREAS)

    def lane(self, destination: str) -> Looked:
        """Look at a destination: facts `waiting`, `held`, `oldest_s`, findings `resend.*`."""
        from supportctl.app.playbook_resend import look_at_lane

        return look_at_lane(destination, self._config_path, self._clock)

    # --- changing -----------------------------------------------------------------------------------------

    def plan(self, action: str, params: Mapping[str, str]) -> Plan:
        """Return what an action would do; looks only.

        Raises:
            SupportctlError: it cannot be done here.
        """
        known = self._action(action)
        return known.plan(params, self._place(), self._deadline(known))

    def act(self, plan: Plan) -> Done:
        """Do it."""
        known = self._action(plan.action)
        return known.run(plan, self._place(), self._deadline(known))

    def undo(self, plan: Plan) -> Done:
        """Bring back what was before."""
        known = self._action(plan.action)
        return known.undo(plan, self._place(), self._deadline(known))

    def _deadline(self, action: Action) -> Deadline:
        return Deadline.after(action.seconds + _ACTION_S, self._clock)

    def _action(self, name: str) -> Action:
        if name.startswith("resend."):
            from supportctl.app.playbook_resend import resend_action

            return resend_action(name, self._config_path, self._clock, self._catalog.lang)
        from playbooks.actions.registry import action

        return action(name)

    def _place(self) -> Place:
        if self._made is None:
            from playbooks.actions.system import this_computer
            from supportctl.app.playbook_targets import ConfiguredUrls

            urls = ConfiguredUrls(self._config_path, self._clock)
            folders = self._config.playbooks.settings_folders if self._config else ()
            self._made = this_computer(self._clock, self._target, folders=folders, targets=urls)
        return self._made

    def _target(self, word: str) -> Target:
        """Return the target that a parameter names: a URL as a role has it, or a name."""
        from supportctl.app.targets import resolve_target
        from supportctl.core.secrets import resolve

        return resolve_target(self._word(word) if "://" in word else word, self._config).with_secrets(resolve)


def _expected(role: Role) -> str:
    return ", ".join(role.protocols) or role.section


def _unasked(target: str, protocol: str) -> Finding:
    url = parse_target(target).url if "://" in target else target
    return Finding("check.no-probe", Status.UNKNOWN, url, args={"protocol": protocol})
