"""What is wrong with a file that a pydantic model describes: each problem with its place and nearest words.

The caller hands in its model and the keys of its texts; a configuration and a playbook are told alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from supportctl.core.fields import address_holds_secret
from supportctl.core.nearest import nearest
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

    from supportctl.reading.yaml_tree import Node

Path = tuple[int | str, ...]
_SECRETS = {"token", "key", "salt", "secret", "database", "password"}


class Problem(NamedTuple):
    """One problem: the key of its texts, where it stands, and the arguments of the texts."""

    key: str
    line: int
    column: int
    args: Mapping[str, object]
    is_error: bool = True

    def details(self) -> dict[str, str]:
        """Return the arguments with the place, safe to show."""
        shown = {name: clean(value, 500) for name, value in self.args.items()}
        return {**shown, "line": str(self.line), "column": str(self.column)}


class Told(NamedTuple):
    """How problems of a kind of file are told.

    `keys`: pydantic's name of a problem, or the key that a validator raised, -> the key of the texts; `other`
    for those that are not in it; `unknown_key` for a key that the model does not have.
    """

    model: type[BaseModel]
    keys: Mapping[str, str]
    other: str
    unknown_key: str

    @property
    def area(self) -> str:
        """The area of its texts with the dot: what a validator raises in it is a key already."""
        return self.other.partition(".")[0] + "."


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return the problems in the order of the file.

    Of those that say the same about the same place (a union has one for each of its branches) one is enough.
    """
    different = {(problem.line, problem.column, problem.key): problem for problem in problems}
    return tuple(different[place] for place in sorted(different))


def from_pydantic(error: ValidationError, tree: Node, told: Told) -> Iterator[Problem]:
    """Yield the problems of a file that the model refuses."""
    details = error.errors(include_url=False)
    schema = told.model.model_json_schema()
    for detail in details:
        path = detail["loc"]
        followed = detail["type"] == "too_short" and any(
            other["loc"][: len(path)] == path and other is not detail for other in details
        )
        if not followed:  # a list counts as too short when what it holds is refused
            yield _problem(detail, tree, told, schema)


def _problem(detail: ErrorDetails, tree: Node, told: Told, schema: dict[str, Any]) -> Problem:
    path, kind = tuple(detail["loc"]), detail["type"]
    place = tree.place_of(written(schema, path))
    args: dict[str, object] = {
        "path": ".".join(str(part) for part in written(schema, path) if part != "[key]"),
        "key": str(path[-1]) if path else "",
        "found": _shown(detail),
    }
    args.update(detail.get("ctx") or {})
    if kind == "extra_forbidden":
        known = _keys_at(schema, path[:-1])
        args.update(found=args["key"], nearest=nearest(str(path[-1]), known), known=", ".join(known))
        return Problem(told.unknown_key, *place, args)
    if kind == "union_tag_not_found":
        args.update(key="kind", found=clean(", ".join(map(str, detail.get("input") or ()))))
    if kind == "union_tag_invalid":
        expected = str(args.get("expected_tags", "")).replace("'", "").split(", ")
        args.update(found=args.get("tag", ""), expected=", ".join(expected))
        args["nearest"] = nearest(str(args["found"]), expected)
        place = tree.place_of((*path, "kind"))
    if kind == "literal_error":
        expected = str(args.get("expected", "")).replace("'", "").replace(" or ", ", ").split(", ")
        args.update(expected=", ".join(expected), nearest=nearest(str(args["found"]), expected))
    return Problem(told.keys.get(kind) or (kind if kind.startswith(told.area) else told.other), *place, args)


def _shown(detail: ErrorDetails) -> str:
    value = detail.get("input")
    if isinstance(value, str):
        secret = any(str(part) in _SECRETS for part in detail["loc"][-1:])
        return "***" if secret or ("://" in value and address_holds_secret(value)) else clean(value)
    return ""


def written(schema: dict[str, Any], path: Path) -> Path:
    """Return `path` as the file has it: without the tags that pydantic adds for a union."""
    node, kept = schema, []
    for part in path:
        node, is_tag = _step(schema, node, part)
        if not is_tag:
            kept.append(part)
    return tuple(kept)


def _keys_at(schema: dict[str, Any], path: Path) -> list[str]:
    node = schema
    for part in path:
        node, _ = _step(schema, node, part)
    return sorted(_resolved(schema, node).get("properties", {}))


def _step(schema: dict[str, Any], node: dict[str, Any], part: int | str) -> tuple[dict[str, Any], bool]:
    """Return what the schema says of `part` of a node, and whether it is a union's tag only."""
    node = _resolved(schema, node)
    if isinstance(part, int):
        return node.get("items", {}), False
    mapping = node.get("discriminator", {}).get("mapping", {})
    if part in mapping:
        return {"$ref": mapping[part]}, True
    if "oneOf" in node:  # its tags are keys that only one of them must have
        ways = (_resolved(schema, way) for way in node["oneOf"])
        return next((way for way in ways if part in way.get("required", ())), node), True
    extra = node.get("additionalProperties")
    return node.get("properties", {}).get(part) or (extra if isinstance(extra, dict) else node), False


def _resolved(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while True:
        if "$ref" in node:
            node = schema["$defs"][node["$ref"].rpartition("/")[2]]
        elif "anyOf" in node and (ways := [way for way in node["anyOf"] if "$ref" in way]):
            node = ways[0]  # a section that may be absent
        else:
            return node
