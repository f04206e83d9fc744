"""What is served behind the customer's door, and how requests are put into words for them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from supportctl.app.remote_handlers import remote_handlers
from supportctl.app.share import Served
from supportctl.catalog import Catalog
from supportctl.core.text import clean
from supportctl.remote.capability import Capability
from supportctl.remote.consent import Question

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from supportctl.core.clock import Clock
    from supportctl.core.site import SiteConfig
    from supportctl.remote.capability import Wanted
    from supportctl.remote.server import Call

    Handler = Callable[[Mapping[str, Any], Call], Mapping[str, Any]]

_MOST_PROBLEMS = 10


class WhatIsServed:
    """The handlers of a shared session; what they do is said to the customer, step by step."""

    def __init__(self, config: SiteConfig | None, path: Path | None, lang: str, clock: Clock) -> None:
        self._catalog = Catalog(lang)
        self._step: Callable[[str], None] = lambda _words: None
        self._named = {target.url: target.name for target in config.parsed_targets()} if config else {}
        handlers = {name: self._spoken(each) for name, each in remote_handlers(path, clock).items()}
        self.served = Served(handlers, self.describe)

    def steps_to(self, step: Callable[[str], None]) -> None:
        """Say the steps of requests to `step` from now on."""
        self._step = step

    def names(self, target: str) -> str:
        """Return what the shop calls a target."""
        return self._named.get(target) or target

    def describe(self, wanted: Wanted, params: Mapping[str, Any]) -> Question:
        """Return the question for a wish, all in our own words."""
        phrase = self._catalog.phrase
        device = self.names(wanted.target) if wanted.target else phrase("share.this-computer")
        if wanted.capability is Capability.BRIDGE:
            return Question(wanted, phrase("share.q-bridge"), device, "", (), phrase("share.q-bridge-undo"))
        name = clean(params.get("name", "-"), 60)
        source = phrase("share.q-playbook", playbook=name, digest=wanted.digest[:16])
        return Question(wanted, phrase("share.q-fix"), device, source, (), phrase("share.q-fix-undo"))

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
