"""The URLs of the configuration, for the action that changes one. Nothing else in the file is touched."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from supportctl.app.config_file import find_config, load_config, read_config
from supportctl.app.config_write import replaced
from supportctl.core.errors import UsageError
from supportctl.core.nearest import nearest
from supportctl.reading.yaml_tree import read_tree

if TYPE_CHECKING:
    from pathlib import Path

    from supportctl.core.clock import Clock
    from supportctl.reading.yaml_tree import Node


class ConfiguredUrls:
    """Reads and writes the URL of a target. Each look reads the file anew."""

    def __init__(self, path: Path | None, clock: Clock) -> None:
        self._path = path
        self._clock = clock

    def url(self, name: str) -> str:
        """Return the URL of a target as it is written there.

        Raises:
            UsageError: there is no configuration, or no such target.
        """
        config = load_config(self._path)
        if config is None:
            raise UsageError("run.needs-config")
        entry = config.entry(name)
        if entry is None:
            names = [known.name for known in config.targets]
            raise UsageError("check.unknown-name", found=name, nearest=nearest(name, names, 0.4))
        return entry.url

    def put(self, name: str, url: str, was: str) -> None:
        """Write `url` in place of `was`.

        Raises:
            UsageError: it is not `was` any more, or the file cannot be written.
        """
        file = find_config(self._path)
        if file is None:
            raise UsageError("run.needs-config")
        before = read_config(file).config

        def change(text: str) -> str:
            return _with_url(text, file, name, url, was)

        def is_sound(text: str) -> bool:
            from supportctl.app.config_problems import understand

            tree = read_tree(text)
            after = understand(tree)[0] if tree else None
            if before is None or after is None:
                return False
            wanted = [
                entry.model_copy(update={"url": url}) if entry.name == name else entry
                for entry in before.targets
            ]
            return after == before.model_copy(update={"targets": tuple(wanted)})

        replaced(file.resolve(), change, is_sound, self._clock)


def _with_url(text: str, file: Path, name: str, url: str, was: str) -> str:
    tree = read_tree(text)
    targets = tree.mapping.get("targets") if tree else None
    for item in targets.items if targets else ():
        node = item.mapping.get("url")
        named = item.mapping.get("name")
        if node is None or named is None or named.text != name:
            continue
        if node.text != was:
            raise UsageError("discover.config-busy", found=file)
        return _put(text, node, url)
    raise UsageError("check.unknown-name", found=name, nearest="-")


def _put(text: str, node: Node, url: str) -> str:
    """Return the text with another scalar in the place of `node`, written as JSON: that is YAML, too."""
    lines = text.splitlines(keepends=True)
    line, column = node.place.line - 1, node.place.column - 1
    rest = lines[line][column:]
    old = node.text or ""
    for written in (json.dumps(old, ensure_ascii=False), f"'{old}'", f'"{old}"', old):
        if rest.startswith(written):
            new = json.dumps(url, ensure_ascii=False)
            lines[line] = f"{lines[line][:column]}{new}{rest[len(written) :]}"
            return "".join(lines)
    raise UsageError("discover.config-broken", found=f"{node.place.line}:{node.place.column}")
