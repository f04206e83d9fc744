"""What is served behind the customer's door, and how requests are put into words for them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from supportctl.app.remote_bridge import bridges
from supportctl.app.remote_consent import AtTheTerminal
from supportctl.app.remote_handlers import remote_handlers
from supportctl.app.remote_playbook import RemotePlaybooks, Settings
from supportctl.app.share import Served
from supportctl.catalog import Catalog
from supportctl.core.text import clean
from supportctl.remote.bridge import OPEN
from supportctl.remote.capability import Capability
from supportctl.remote.consent import Question

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from supportctl.core.clock import Clock
    from supportctl.core.deadline import Deadline
    from supportctl.core.site import SiteConfig
    from supportctl.remote.capability import Wanted
    from supportctl.remote.consent import Customer
    from supportctl.remote.server import Call

    Handler = Callable[[Mapping[str, Any], Call], Mapping[str, Any]]

_MOST_PROBLEMS = 10


class WhatIsServed:
    """The handlers of a shared session; what they do is said to the customer, step by step."""

    def __init__(self, config: SiteConfig | None, path: Path | None, lang: str, clock: Clock) -> None:
        self._catalog = Catalog(lang)
        self._step: Callable[[str], None] = lambda _words: None
        self._named = {target.url: target.name for target in config.parsed_targets()} if config else {}
        self._customer: Customer | None = None
        handlers = {name: self._spoken(each) for name, each in remote_handlers(path, clock).items()}
        consent = AtTheTerminal(self, lang, clock, self.names)
        self._playbooks = RemotePlaybooks(Settings(path, clock, consent, lang))
        self._bridges = bridges(config, clock)
        bridge = self._bridges.handlers()
        bridge[OPEN] = self._spoken(bridge[OPEN])
        self.served = Served({**handlers, **self._playbooks.handlers(), **bridge}, self.describe)

    def meet(self, customer: Customer, step: Callable[[str], None]) -> None:
        """Ask this customer from now on, and say the steps of requests to `step`."""
        self._customer, self._step = customer, step

    def asks(self, question: Question, deadline: Deadline, withdrawn: Callable[[], bool]) -> bool:
        """Ask the customer; nobody has said yes where there is none."""
        return self._customer is not None and self._customer.asks(question, deadline, withdrawn)

    def told(self, method: str, params: Mapping[str, Any], outcome: str) -> None:
        """Say nothing: the gate has told the customer."""

    def names(self, target: str) -> str:
        """Return what the shop calls a target."""
        return self._named.get(target) or target

    def describe(self, wanted: Wanted, params: Mapping[str, Any]) -> Question:
        """Return the question for a wish, all in our own words.

        Raises:
            SupportctlError: the playbook is not signed, expired, rolled back or broken, or a bridge leads
                where none may: nobody is asked.
        """
        phrase = self._catalog.phrase
        device = self.names(wanted.target) if wanted.target else phrase("share.this-computer")
        if wanted.capability is Capability.BRIDGE:
            url = self._bridges.looked(wanted.target).url
            device = device if url == device else f"{device} ({url})"
            return Question(wanted, phrase("share.q-bridge"), device, "", (), phrase("share.q-bridge-undo"))
        return self._playbooks.describe(wanted, params)._replace(device=device)

    def _spoken(self, handler: Handler) -> Handler:
        """Return a handler whose progress and outcome the customer sees, too."""

        def spoken(params: Mapping[str, Any], call: Call) -> Mapping[str, Any]:
            seen: set[str] = set()

            def progress(value: Mapping[str, Any]) -> None:
                for name in map(str, value.get("names") or ()):
                    if name not in seen:
                        seen.add(name)
                        self._step(self._catalog.phrase("share.asking", name=clean(self.names(name), 80)))
                call.progress(value)

            result = handler(params, call._replace(progress=progress))
            self._tell(result)
            return result

        return spoken

    def _tell(self, result: Mapping[str, Any]) -> None:
        """Say what a check has found: each problem by its title, the rest as a number."""
        if "sent" in result and "received" in result:
            words = {"sent": result["sent"], "received": result["received"]}
            self._step(self._catalog.phrase("share.bridge-over", **words))
        if "bundle" in result and "size" in result:
            packed = {"files": result["files"], "kilobytes": max(round(result["size"] / 1024), 1)}
            self._step(self._catalog.phrase("share.bundle-made", **packed))
        findings = [each for each in result.get("findings") or () if isinstance(each, dict)]
        if not findings:
            return
        counts = Counter(str(each.get("status")) for each in findings)
        problems = [each for each in findings if each.get("status") in {"fault", "warning"}]
        for each in problems[:_MOST_PROBLEMS]:
            code = str(each.get("code"))
            if self._catalog.has_problem(code):
                title = self._catalog.words(code).title
                where = self.names(str(each.get("name") or each.get("target") or ""))
                self._step(self._catalog.phrase("share.found", where=clean(where, 60), title=title))
        self._step(self._catalog.phrase("share.fine", number=counts["ok"]))


def served(config: SiteConfig | None, path: Path | None, lang: str, clock: Clock) -> WhatIsServed:
    """Return what is served."""
    return WhatIsServed(config, path, lang, clock)
