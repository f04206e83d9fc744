"""A bundle for support: what is known of this till, without secrets, in one file that is always made.

What could not be collected is named with the reason. Redaction sits where each file is made.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from supportctl import __version__
from supportctl.app.bundle_collect import COLLECTORS, Around, Asked, collect
from supportctl.app.bundle_zip import described, packed, write_private
from supportctl.app.config_file import find_config, read_config
from supportctl.app.playbook_packet import learn_secrets
from supportctl.catalog import Catalog
from supportctl.core.clock import SystemClock
from supportctl.core.errors import SupportctlError, UsageError
from supportctl.core.personal_patterns import TOKEN
from supportctl.core.redactor import Policy, Redactor, Tokens

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from supportctl.app.bundle_collect import Collector, Outcome
    from supportctl.core.clock import Clock

SCHEMA, MAP_SCHEMA = "supportctl.bundle/1", "supportctl.token-map/1"
MAX_FILE = 4 * 1024 * 1024  # bytes of one file, unpacked
MAX_ALL = 16 * 1024 * 1024  # bytes of all files, unpacked
DEADLINE_S = 40.0
_MAX_MAP = 16 * 1024 * 1024


class Left(NamedTuple):
    """What is not in a bundle, and why."""

    what: str
    why: str


class Made(NamedTuple):
    """A bundle that was written."""

    path: Path
    size: int
    files: tuple[Mapping[str, object], ...]
    left: tuple[Left, ...]
    removed: Mapping[str, int]
    token_map: Path | None


class Gathered(NamedTuple):
    """A bundle that was packed and is written nowhere yet."""

    name: str
    data: bytes
    files: tuple[Mapping[str, object], ...]
    left: tuple[Left, ...]
    removed: Mapping[str, int]


def create(
    asked: Asked,
    output: Path | None = None,
    token_map: Path | None = None,
    *,
    clock: Clock | None = None,
    collectors: tuple[Collector, ...] = COLLECTORS,
) -> Made:
    """Collect, redact, pack, write; the file is readable by its owner only.

    Raises:
        UsageError: `bundle.foreign-map`.
        SupportctlError: `bundle.unwritable`.
    """
    tokens = Tokens(_read_map(token_map) if token_map else None)
    gathered = gather(asked, tokens, clock=clock, collectors=collectors)
    path = output or Path(f"{gathered.name}.zip")
    written(path, gathered.data)
    if token_map:
        table = {"schema": MAP_SCHEMA, "tokens": tokens.table()}
        written(
            token_map,
            (json.dumps(table, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "surrogatepass"),
        )
    return Made(path, len(gathered.data), gathered.files, gathered.left, gathered.removed, token_map)


def gather(
    asked: Asked,
    tokens: Tokens,
    *,
    clock: Clock | None = None,
    collectors: tuple[Collector, ...] = COLLECTORS,
) -> Gathered:
    """Return a bundle: collected, redacted, packed. `tokens` learns what its tokens stand for."""
    clock, catalog = clock or SystemClock(), Catalog(asked.lang)
    now = clock.now()
    name = name_at(now)
    found = find_config(asked.config)
    configuration = read_config(found) if found else None
    policy = Policy()
    if configuration and configuration.config:
        learn_secrets(configuration.config)
        policy = Policy(**configuration.config.redaction.model_dump())
    around = Around(asked, configuration, Redactor(policy, tokens), catalog, clock)
    outcomes = collect(around, collectors, asked.deadline_s)
    members, left = _fitting(outcomes, catalog)
    members = {file: _again(around.redactor, data) for file, data in members.items()}
    left = tuple(Left(each.what, around.redactor.text(each.why)) for each in left)
    removed = {file: _removed(data) for file, data in members.items()}
    files = tuple(
        {**asdict(described(file, data)), "removed": removed[file]} for file, data in members.items()
    )
    total = Counter[str]()
    for each in removed.values():
        total.update(each)
    manifest = {
        "schema": SCHEMA,
        "tool_version": __version__,
        "made_at": now.isoformat(timespec="seconds"),
        "language": asked.lang,
        "redaction": {**policy._asdict(), "removed": dict(total)},
        "files": list(files),
        "not_collected": [each._asdict() for each in left],
    }
    return Gathered(name, packed(name, members, manifest), files, left, dict(total))


def name_at(now: datetime) -> str:
    """Return what a bundle of this moment is called."""
    return f"supportctl-bundle-{now:%y%m%d-%H%M%S}"


def _fitting(outcomes: list[Outcome], catalog: Catalog) -> tuple[dict[str, bytes], tuple[Left, ...]]:
    """Return the files that have room, in the order of their worth, and what was left."""
    members: dict[str, bytes] = {}
    left: list[Left] = []
    for outcome in outcomes:
        if outcome.why:
            left.append(Left(catalog.phrase(f"bundle.what-{outcome.what}"), outcome.why))
        for name, data in outcome.files.items():
            if len(data) > MAX_FILE or sum(map(len, members.values())) + len(data) > MAX_ALL:
                left.append(Left(name, catalog.phrase("bundle.why-big", size=len(data))))
            else:
                members[name] = data
    return members, tuple(left)


def _again(redactor: Redactor, data: bytes) -> bytes:
    """Redact once more: a collector may have met a secret that another one did not know."""
    return redactor.again(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def _removed(data: bytes) -> dict[str, int]:
    """Return how many tokens of each kind stand in a file."""
    kinds = (token.strip("[").partition("-")[0] for token in TOKEN.findall(data.decode("utf-8", "replace")))
    return dict(sorted(Counter(kinds).items()))


def _read_map(path: Path) -> dict[str, str]:
    """Return a token map of an earlier bundle: the same values get the same tokens again."""
    try:
        with path.open("rb") as file:
            value = json.loads(file.read(_MAX_MAP).decode("utf-8", "surrogatepass"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError):
        raise UsageError("bundle.foreign-map", found=path) from None
    table = value.get("tokens") if isinstance(value, dict) and value.get("schema") == MAP_SCHEMA else None
    if not isinstance(table, dict) or not all(
        isinstance(text, str) and TOKEN.fullmatch(token) for token, text in table.items()
    ):
        raise UsageError("bundle.foreign-map", found=path)
    return table


def written(path: Path, data: bytes) -> None:
    """Write a file that only its owner reads, whole or not at all. Raises: SupportctlError."""
    try:
        if path.is_dir():
            raise IsADirectoryError(21, os.strerror(21))
        write_private(path, data)
    except OSError as error:
        raise SupportctlError("bundle.unwritable", found=path, reason=error.strerror or error) from None
