"""What `playbook test` does: the cases of playbooks, against the lab's devices, by the real probes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from playbooks.engine.library import Library
from playbooks.engine.testkit.kit import Kit
from supportctl.app.playbook_hands import RealHands
from supportctl.app.playbook_library import folders
from supportctl.core.clock import SystemClock
from supportctl.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from playbooks.engine.testkit.kit import Tested
    from supportctl.core.site import SiteConfig

_SUFFIX = ".yaml"


class Outcome(NamedTuple):
    """One playbook's tests, or why they cannot be run."""

    name: str
    tested: Tested | None
    error: UsageError | None = None
    seconds: float = 0.0


def run_tests(config: SiteConfig | None, words: Sequence[str], lang: str) -> Iterator[Outcome]:
    """Yield the tests of these playbooks (names or files; none: all that there are), each as it ends.

    Raises:
        UsageError: there is no such playbook.
    """
    files = [Path(word).absolute() for word in words if word.endswith(_SUFFIX)]
    library = Library([*folders(config)[1:], *dict.fromkeys(path.parent for path in files)])
    names = [Path(word).stem if word.endswith(_SUFFIX) else word for word in words] or library.names()
    for name in names:
        library.path(name)
    clock = SystemClock()
    hands = RealHands(None, None, lang, clock)  # the lab's devices have URLs; nothing of the shop is asked
    for name in names:
        started = clock.monotonic()
        try:
            with Kit(library, name, hands.check) as kit:
                tested = kit.run()
        except UsageError as error:
            yield Outcome(name, None, error)
        else:
            yield Outcome(name, tested, None, clock.monotonic() - started)
