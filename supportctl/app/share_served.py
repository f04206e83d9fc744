"""What is served behind the customer's door, and how a wish is put into words for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from supportctl import __version__
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

    Describe = Callable[[Wanted, Mapping[str, Any]], Question]


class WhatIsServed:
    """The handlers of a shared session, and the words around them."""

    def __init__(self, config: SiteConfig | None, path: Path | None, lang: str, clock: Clock) -> None:
        self._config = config
        self._path = path
        self._catalog = Catalog(lang)
        self._clock = clock
        self._step: Callable[[str], None] = lambda _words: None
        self._named = {target.url: target.name for target in config.parsed_targets()} if config else {}
        self.served = Served({"about": self._about}, self.describe)

    def steps_to(self, step: Callable[[str], None]) -> None:
        """Say the steps of a request to `step` from now on."""
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
        return Question(wanted, phrase("share.q-fix"), device, source, (), "")

    @staticmethod
    def _about(_params: Mapping[str, Any], _call: Call) -> Mapping[str, Any]:
        return {"tool_version": __version__}


def served(config: SiteConfig | None, path: Path | None, lang: str, clock: Clock) -> WhatIsServed:
    """Return what is served."""
    return WhatIsServed(config, path, lang, clock)
