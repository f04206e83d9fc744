"""Who hears of a run that was handed over: one issue for the run, one message for each chat.

The same trackers and chats as for lost calls. What was told stands beside the journal. The tracker is asked
what it has before anything is created; before a write the intent is on the disk, and after an unclear answer
nothing is created until the tracker has had time to show what it has.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from resend.model import Acts
from supportctl.app.escalation import offices_of
from supportctl.app.playbook_packet import write_private
from supportctl.catalog import Catalog
from supportctl.core import log
from supportctl.core.delivery import Issue
from supportctl.core.errors import SupportctlError
from supportctl.core.failure import Failure, ServiceError
from supportctl.core.scrubbing import scrubbed_text
from supportctl.report.playbook.as_markdown import inert, render_markdown
from supportctl.report.playbook.words import RunWords

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from resend.escalate import Offices
    from resend.ports import Tracker
    from supportctl.app.playbook_packet import Packet
    from supportctl.core.clock import Clock
    from supportctl.core.run_report import RunReport
    from supportctl.core.site import SiteConfig

_MARKUP = frozenset({"github", "gitlab"})
_ACTS: dict[str, Acts] = {
    "cashier": Acts.CUSTOMER,
    "shop-manager": Acts.CUSTOMER,
    "administrator": Acts.CUSTOMER,
    "first-line": Acts.FIRST_LINE,
    "second-line": Acts.SECOND_LINE,
    "developers": Acts.DEVELOPERS,
    "vendor-engineer": Acts.OTHER_COMPANY,
    "bank": Acts.OTHER_COMPANY,
    "provider": Acts.OTHER_COMPANY,
}
_GONE = frozenset({404, 410})


class ToldPeople(NamedTuple):
    """Who knows of the run now. `failed` says by place what went wrong; `unclear` places may know of it."""

    tracker: str | None = None
    issue: Issue | None = None
    chats: int = 0
    failed: Mapping[str, str] = {}
    unclear: tuple[str, ...] = ()

    @property
    def nobody(self) -> bool:
        """Whether there was nobody to tell."""
        return self.tracker is None and not self.chats and not self.failed and not self.unclear


def tell(config: SiteConfig, packet: Packet, clock: Clock) -> ToldPeople:
    """Tell the people of the configuration of a packet. Called again it tells only what is new.

    Nothing is raised: what fails is in the answer, and the packet is on the disk.
    """
    report = packet.told
    if report.outcome != "handed-over" or report.dry_run:
        return ToldPeople()
    try:
        offices = offices_of(config, clock)
        with _alone(packet.bundle.with_name(f"{report.run}.told.lock")):
            return _Teller(config, packet, offices, clock).tell()
    except SupportctlError as error:
        log.event("warning", "handover.not-told", run=report.run, error=error)
        return ToldPeople(failed={"-": str(error)})


def fingerprint(run: str) -> str:
    """Return the mark of a run in a tracker: short enough for a label, the same for ever."""
    return sha256(run.encode()).hexdigest()[:12]


class _Teller:
    def __init__(self, config: SiteConfig, packet: Packet, offices: Offices, clock: Clock) -> None:
        self._config = config
        self._packet = packet
        self._report = packet.told
        self._offices = offices
        self._clock = clock
        self._path = packet.bundle.with_name(f"{self._report.run}.told.json")
        self._known = _read(self._path)
        self._digest = _version(self._report)
        self._failed: dict[str, str] = {}
        self._unclear: list[str] = []

    def tell(self) -> ToldPeople:
        name = self._offices.tracker_for(_ACTS.get(self._report.to or "", Acts.SECOND_LINE))
        where: str = self._known.get("tracker") or name or ""  # an issue stays where it is
        if where in self._offices.trackers:
            self._guarded(where, lambda: self._tracker(where, self._offices.trackers[where]))
        for place in self._offices.notifiers:
            if self._known["chats"].get(place) != self._digest:
                self._guarded(place, lambda place=place: self._chat(place))  # type: ignore[misc]
        chats = sum(told == self._digest for told in self._known["chats"].values())
        issue = self._issue()
        return ToldPeople(where if issue else None, issue, chats, self._failed, tuple(self._unclear))

    def _guarded(self, place: str, act: Callable[[], None]) -> None:
        try:
            act()
        except ServiceError as error:
            words = f"{error.code}: {error.text}" if error.text else error.code
            log.event("warning", "handover.not-told", run=self._report.run, place=place, error=words)
            if error.failure is Failure.AMBIGUOUS:
                self._unclear.append(place)
            else:
                self._failed[place] = words

    # --- the tracker --------------------------------------------------------------------------------------

    def _tracker(self, name: str, tracker: Tracker) -> None:
        if self._issue() is None:
            self._open(name, tracker)
        elif self._known["told"] != self._digest:
            self._comment(name, tracker)

    def _open(self, name: str, tracker: Tracker) -> None:
        mark, asked_at = fingerprint(self._report.run), self._known.get("asked_at")
        found = tracker.find(mark)
        if found is None:
            if asked_at is not None and self._now() < asked_at + self._config.resend.settle:
                self._unclear.append(name)  # what was sent may still be on its way
                return
            title = scrubbed_text(self._words().issue_title(), prose=False)
            text = self._text(name)
            self._keep(asked_at=self._now(), asking=self._digest)
            try:
                found = tracker.create(mark, inert(title), text)
            except ServiceError as error:
                if error.failure is not Failure.AMBIGUOUS:
                    self._keep(asked_at=None)
                    raise
                found = self._after_all(tracker, mark)
                if found is None:
                    raise
        told = self._known.get("asking", self._digest)
        self._keep(tracker=name, number=found.number, link=found.link, asked_at=None, told=told)

    def _after_all(self, tracker: Tracker, mark: str) -> Issue | None:
        """Return the issue if it can be seen already that it was created."""
        try:
            return tracker.find(mark)
        except ServiceError:
            return None

    def _comment(self, name: str, tracker: Tracker) -> None:
        """Say that the run went on. It is said once at most: a comment cannot be looked for."""
        issue, before = self._issue(), self._known["told"]
        assert issue is not None
        text = f"{self._words().say('tells-again')}\n\n{self._text(name)}"
        self._keep(told=self._digest)
        try:
            tracker.comment(issue, text)
        except ServiceError as error:
            if error.status in _GONE:  # somebody has deleted it
                self._keep(number=None, asking=self._digest)
            elif error.failure is not Failure.AMBIGUOUS:
                self._keep(told=before)
            raise

    def _issue(self) -> Issue | None:
        number = self._known.get("number")
        return Issue(number, str(self._known.get("link", "")), is_open=True) if number else None

    # --- chats --------------------------------------------------------------------------------------------

    def _chat(self, place: str) -> None:
        words, issue = self._words(), self._issue()
        lines = [f"{words.verdict()} {words.sales()}", words.say("why", why=self._report.reason)]
        lines += [words.say("say", say=self._report.next_step.say)] if not issue else []
        told = "\n".join(inert(line) for line in lines)
        where = issue.link if issue else words.say("packet-at", path=self._packet.markdown.name)
        try:
            self._offices.notifiers[place].notify(inert(words.issue_title()), f"{told}\n{where}")
        except ServiceError as error:
            if error.failure is not Failure.AMBIGUOUS:
                raise
            self._unclear.append(place)  # it may have been sent: not sent again by itself
        self._keep(chats={**self._known["chats"], place: self._digest})

    # --- small things -------------------------------------------------------------------------------------

    def _words(self) -> RunWords:
        return RunWords(self._report, Catalog(self._report.lang))

    def _text(self, name: str) -> str:
        markup = self._config.trackers[name].kind in _MARKUP
        return render_markdown(
            self._report, Catalog(self._report.lang), markup=markup, bundle=self._packet.bundle.name
        )

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _keep(self, **values: object) -> None:
        self._known.update(values)
        write_private(self._path, (json.dumps(self._known, ensure_ascii=False) + "\n").encode())


def _version(report: RunReport) -> str:
    """Return what changes when the run has gone on, and stays when only our words about it do."""
    went = (report.duration_s, len(report.steps), len(report.questions), report.why, report.to)
    return sha256(repr(went).encode()).hexdigest()[:16]


def _read(path: Path) -> dict[str, Any]:  # Any: JSON
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    base: dict[str, Any] = {"chats": {}, "told": ""}
    return {**base, **known} if isinstance(known, dict) else base


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Wait for nobody: two who tell of the same run at once would open two issues.

    Raises:
        SupportctlError: `handover.telling`: somebody is at it.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise SupportctlError("handover.unwritable", found=path, reason=error.strerror or error) from None
    try:
        try:
            if sys.platform == "win32":
                import msvcrt  # only there

                msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
            else:
                import fcntl  # only there

                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SupportctlError("handover.telling", found=path.stem) from None
        yield
    finally:
        os.close(handle)
