"""YAML as a tree that knows where each value stands: line and column for every message.

Only the plain part of YAML is taken: mappings, lists and texts. Anchors, aliases and tags are refused (a few
lines of them can become gigabytes), and so is a key that is given twice (one of the two would be lost without
a word). Every scalar stays the text that was written: the models know which ones are numbers, so `NO` is
Norway and an extension `0101` keeps its zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import yaml

from supportctl.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DEPTH = 12
MAX_VALUES = 20_000
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NOTHING = {"", "~", "null", "Null", "NULL"}

Plain = dict[str, "Plain"] | list["Plain"] | str | None


class Place(NamedTuple):
    """Where something stands in the file, both counted from 1."""

    line: int
    column: int


class Node:
    """One value: `mapping` and `keys` (where each key stands), or `items`, or `text`.

    `closed` is where the closing bracket stands, for a list or a mapping that is written in brackets.
    """

    __slots__ = ("closed", "items", "keys", "kind", "mapping", "place", "text")

    def __init__(self, kind: str, place: Place, text: str | None = None) -> None:
        self.kind = kind
        self.place = place
        self.text = text
        # a text is most of what a file has: it needs none of these of its own
        is_text = kind == "text"
        self.mapping: dict[str, Node] = _NO_MAPPING if is_text else {}
        self.keys: dict[str, Place] = _NO_KEYS if is_text else {}
        self.items: list[Node] = _NO_ITEMS if is_text else []
        self.closed: Place | None = None

    def plain(self) -> Plain:
        """Return the value without its places; a key with nothing after it counts as absent."""
        if self.kind == "mapping":
            values = {key: node.plain() for key, node in self.mapping.items()}
            return {key: value for key, value in values.items() if value is not None}
        if self.kind == "list":
            return [node.plain() for node in self.items]
        return self.text

    def place_of(self, path: tuple[int | str, ...]) -> Place:
        """Return where `path` stands, or the nearest thing around it that the file has.

        Parts that the file does not have (the tags that pydantic adds for a union) are stepped over.
        """
        node, place = self, self.place
        for part in path:
            inner = node.step(part)
            if inner is not None:
                place = node.keys[part] if isinstance(part, str) else inner.place
                node = inner
        return place

    def dotted(self, path: tuple[int | str, ...]) -> str:
        """Return `path` as people write it: without parts that the file does not have, but with the last."""
        node: Node | None = self
        words = []
        for number, part in enumerate(path):
            inner = node.step(part) if node else None
            if inner is not None or number == len(path) - 1:
                words.append(str(part))
                node = inner
        return ".".join(words)

    def step(self, part: int | str) -> Node | None:
        """Return the value under a key or at a number, if there is one."""
        if isinstance(part, int):
            return self.items[part] if part < len(self.items) else None
        return self.mapping.get(part)

    def leaves(self, path: str = "") -> Iterator[tuple[str, Place]]:
        """Yield the dotted path of every text and where it stands."""
        for key, node in self.mapping.items():
            yield from node.leaves(f"{path}.{key}" if path else key)
        for number, node in enumerate(self.items):
            yield from node.leaves(f"{path}[{number}]")
        if self.kind == "text" and self.text is not None:
            yield path, self.place


_NO_MAPPING: dict[str, Node] = {}
_NO_KEYS: dict[str, Place] = {}
_NO_ITEMS: list[Node] = []


def read_tree(text: str, max_depth: int = MAX_DEPTH) -> Node | None:
    """Return the tree of a document, or None if there is nothing in it.

    Raises:
        UsageError: a `config.*` key; its arguments `line` and `column` say where.
    """
    builder = _Builder(max_depth)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(text, error) from None
    except yaml.YAMLError as error:  # a character that YAML does not allow
        position = getattr(error, "position", 0)
        raise _refused("config.control-character", _place_at(text, position)) from None
    root = builder.root
    return None if root is None or (root.kind == "text" and root.text is None) else root


class _Builder:
    """Takes events, grows the tree. No recursion: a deep document cannot exhaust the stack."""

    def __init__(self, max_depth: int) -> None:
        self.root: Node | None = None
        self._max_depth = max_depth
        self._open: list[Node] = []
        self._keys: list[str | None] = []  # the key that waits for its value, one for each open node
        self._values = 0
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise _refused("config.two-documents", _place(event))
        elif isinstance(event, yaml.AliasEvent):
            raise _refused("config.alias", _place(event), found=f"*{event.anchor}")
        elif isinstance(event, yaml.ScalarEvent):
            self._check(event)
            bare = event.style in {None, ""}
            text = None if bare and event.value in _NOTHING else event.value
            self._add(Node("text", _place(event), text), event.value)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._check(event)
            kind = "mapping" if isinstance(event, yaml.MappingStartEvent) else "list"
            node = Node(kind, _place(event))
            node.closed = node.place if event.flow_style else None
            self._add(node, None)
            self._open.append(node)
            self._keys.append(None)
            if len(self._open) > self._max_depth:
                raise _refused("config.too-deep", node.place, limit=self._max_depth)
        elif isinstance(event, yaml.CollectionEndEvent):
            node = self._open.pop()
            self._keys.pop()
            if node.closed:
                node.closed = _place(event)

    def _check(self, event: yaml.NodeEvent) -> None:
        self._values += 1
        if self._values > MAX_VALUES:
            raise _refused("config.too-many-values", _place(event), limit=MAX_VALUES)
        if event.anchor is not None:
            raise _refused("config.alias", _place(event), found=f"&{event.anchor}")
        tag = getattr(event, "tag", None)
        if tag is not None:
            raise _refused("config.tag", _place(event), found=tag)

    def _add(self, node: Node, key: str | None) -> None:
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        if parent.kind == "list":
            parent.items.append(node)
            return
        waiting = self._keys[-1]
        if waiting is not None:
            parent.mapping[waiting] = node
            self._keys[-1] = None
            return
        if key is None:
            raise _refused("config.bad-key", node.place)
        if key in parent.keys:
            raise _refused("config.duplicate-key", node.place, found=key, first=parent.keys[key].line)
        parent.keys[key] = node.place
        self._keys[-1] = key


def _place(event: yaml.Event) -> Place:
    mark = event.start_mark
    return Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)


def _place_at(text: str, position: int) -> Place:
    before = text[:position]
    return Place(before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1)


def _refused(key: str, place: Place, **args: object) -> UsageError:
    return UsageError(key, line=place.line, column=place.column, **args)


def _syntax_error(text: str, error: yaml.MarkedYAMLError) -> UsageError:
    mark = error.problem_mark or error.context_mark
    place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
    lines = text.split("\n")
    line = lines[place.line - 1] if place.line <= len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())] or line[place.column - 1 : place.column] == "\t":
        return _refused("config.tab", place)
    if not any(rest.strip() for rest in lines[place.line :]) and place.column > len(line.rstrip()):
        start = error.context_mark
        return _refused("config.unfinished", Place(start.line + 1, start.column + 1) if start else place)
    return _refused("config.syntax", place, found=line.strip(), problem=error.problem or "-")
