"""The words by which a person names a target: a URL, or a name of the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supportctl.core.errors import UsageError
from supportctl.core.nearest import nearest
from supportctl.core.target import Target, parse_target

if TYPE_CHECKING:
    from supportctl.core.site import SiteConfig


def resolve_target(word: str, config: SiteConfig | None) -> Target:
    """Return the target that `word` names.

    Raises:
        UsageError: `target.*` for a wrong URL, `check.unknown-name` with the nearest names.
    """
    if "://" in word:
        return parse_target(word)
    entry = config.entry(word) if config else None
    if entry is not None:
        return entry.target()
    names = [known.name for known in config.targets] if config else []
    names += [*config.telephony, *config.crm, *config.shop] if config else []
    raise UsageError("check.unknown-name", found=word, nearest=nearest(word, names, 0.4))
