"""The words by which a person names a target: a URL, or a name of the configuration."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from supportctl.core.errors import UsageError
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
    nearest = difflib.get_close_matches(word, names, 3, 0.4)
    raise UsageError("check.unknown-name", found=word, nearest=", ".join(nearest or names) or "-")
