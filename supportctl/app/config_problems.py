"""What is wrong with a configuration, each problem with its place; and its meaning when nothing is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pydantic import BaseModel, ValidationError

from supportctl.core.errors import UsageError
from supportctl.core.fields import IsSecret, address_holds_secret
from supportctl.core.nearest import nearest
from supportctl.core.secrets import is_reference
from supportctl.core.site import SiteConfig
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic_core import ErrorDetails

    from supportctl.reading.yaml_tree import Node

# pydantic's name of a problem -> the key of our texts
_KEYS = {
    "missing": "config.missing-key",
    "union_tag_not_found": "config.missing-key",
    "union_tag_invalid": "config.unknown-kind",
    "literal_error": "config.not-one-of",
    "int_parsing": "config.not-a-number",
    "int_type": "config.not-a-number",
    "int_from_float": "config.not-a-number",
    "greater_than_equal": "config.out-of-range",
    "less_than_equal": "config.out-of-range",
    "bool_parsing": "config.not-a-switch",
    "bool_type": "config.not-a-switch",
    "tuple_type": "config.not-a-list",
    "list_type": "config.not-a-list",
    "dict_type": "config.not-a-section",
    "model_type": "config.not-a-section",
    "model_attributes_type": "config.not-a-section",
    "string_type": "config.not-a-text",
}


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


def understand(tree: Node) -> tuple[SiteConfig | None, tuple[Problem, ...]]:
    """Return the configuration (None if a problem is an error) and the problems in the order of the file."""
    try:
        config = SiteConfig.model_validate(tree.plain())
    except ValidationError as error:
        problems = [_from_pydantic(detail, tree) for detail in error.errors(include_url=False)]
        return None, _in_order(problems)
    problems = [*_bad_targets(config, tree), *_inconsistent(config, tree)]
    if not problems:
        return config, _in_order(_warnings(config, tree))
    return None, _in_order(problems)


def _in_order(problems: list[Problem] | Iterator[Problem]) -> tuple[Problem, ...]:
    # of those that say the same about the same place (a union has one for each of its branches) one is enough
    different = {(problem.line, problem.column, problem.key): problem for problem in problems}
    return tuple(different[place] for place in sorted(different))


def _from_pydantic(detail: ErrorDetails, tree: Node) -> Problem:
    path, kind = tuple(detail["loc"]), detail["type"]
    place = tree.place_of(path)
    key_path = ".".join(str(part) for part in path if part != "[key]")
    args: dict[str, object] = {
        "path": key_path,
        "key": str(path[-1]) if path else "",
        "found": _shown(detail),
    }
    args.update(detail.get("ctx") or {})
    if kind == "extra_forbidden":
        known = known_keys(path[:-1])
        args.update(found=args["key"], nearest=nearest(str(path[-1]), known), known=", ".join(known))
        return Problem("config.unknown-key", *place, args)
    if kind == "union_tag_not_found":
        args["key"] = "kind"
    if kind == "union_tag_invalid":
        expected = str(args.get("expected_tags", "")).replace("'", "").split(", ")
        args.update(found=args.get("tag", ""), expected=", ".join(expected))
        args["nearest"] = nearest(str(args["found"]), expected)
        place = tree.place_of((*path, "kind"))
    if kind == "literal_error":
        expected = str(args.get("expected", "")).replace("'", "").replace(" or ", ", ").split(", ")
        args.update(expected=", ".join(expected))
    key = kind if kind.startswith("config.") else _KEYS.get(kind, "config.bad-value")
    return Problem(key, *place, args)


def _shown(detail: ErrorDetails) -> str:
    value = detail.get("input")
    if isinstance(value, str):
        secret = any(
            str(part) in {"token", "key", "salt", "secret", "database", "password"}
            for part in detail["loc"][-1:]
        )
        return "***" if secret or ("://" in value and address_holds_secret(value)) else clean(value)
    return ""


def known_keys(path: tuple[int | str, ...]) -> list[str]:
    """Return the keys that the part of the configuration at `path` may have."""
    schema = SiteConfig.model_json_schema()
    node = schema
    for part in (*path, None):
        while "$ref" in node:
            node = schema["$defs"][node["$ref"].rpartition("/")[2]]
        mapping = node.get("discriminator", {}).get("mapping", {})
        if part in mapping:
            node = {"$ref": mapping[part]}
        elif part is None:
            break
        elif isinstance(part, int):
            node = node.get("items", {})
        else:
            extra = node.get("additionalProperties")
            node = node.get("properties", {}).get(part) or (extra if isinstance(extra, dict) else node)
    return sorted(node.get("properties", {}))


def _bad_targets(config: SiteConfig, tree: Node) -> Iterator[Problem]:
    for number, entry in enumerate(config.targets):
        try:
            entry.target()
        except UsageError as error:
            yield Problem(error.key, *tree.place_of(("targets", number, "url")), error.args_by_name)


def _inconsistent(config: SiteConfig, tree: Node) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for number, entry in enumerate(config.targets):
        place = tree.place_of(("targets", number, "name"))
        folded = entry.name.casefold()
        if folded in seen:
            yield Problem("config.same-name", *place, {"found": entry.name, "first": seen[folded]})
        seen.setdefault(folded, place.line)
    tracker = config.escalation.tracker
    if tracker is not None and tracker not in config.trackers:
        place = tree.place_of(("escalation", "tracker"))
        known = nearest(tracker, config.trackers) or "-"
        yield Problem("config.unknown-tracker", *place, {"found": tracker, "nearest": known})
    for who, name in config.escalation.routes.items():
        if name not in config.trackers:
            place = tree.place_of(("escalation", "routes", who))
            known = nearest(name, config.trackers) or "-"
            yield Problem("config.unknown-tracker", *place, {"found": name, "nearest": known})
    if config.escalation.notify and not config.notify:
        yield Problem("config.nobody-to-notify", *tree.place_of(("escalation", "notify")), {})


def _warnings(config: SiteConfig, tree: Node) -> Iterator[Problem]:
    for path in secrets_in_place(config):
        name = ".".join(str(part) for part in path)
        variable = "_".join(str(part) for part in path).upper().replace("-", "_")
        args = {"path": name, "reference": f"secret://env/{variable}"}
        yield Problem("config.secret-in-place", *tree.place_of(path), args, is_error=False)
    seen: dict[str, str] = {}
    for number, entry in enumerate(config.targets):
        target = entry.target()
        place = tree.place_of(("targets", number, "url"))
        same = f"{target.protocol} {target.endpoint}"
        if same in seen:
            args = {"found": entry.name, "first": seen[same]}
            yield Problem("config.same-target", *place, args, is_error=False)
        seen.setdefault(same, entry.name)
        if target.secrets:
            args = {"path": f"targets.{entry.name}", "reference": "secret://env/NAME"}
            yield Problem("config.secret-in-place", *place, args, is_error=False)


def secrets_in_place(model: BaseModel, path: tuple[int | str, ...] = ()) -> Iterator[tuple[int | str, ...]]:
    """Yield the path of every secret that is written in the file instead of being referred to."""
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        mark = next((item for item in field.metadata if isinstance(item, IsSecret)), None)
        yield from _in_value(value, mark or _inner_mark(field.annotation), (*path, name))


def _inner_mark(annotation: object) -> IsSecret | None:
    """Find the mark inside `Secret | None` and `tuple[Secret, ...]`."""
    for part in getattr(annotation, "__args__", ()):
        for item in (*getattr(part, "__metadata__", ()), _inner_mark(part)):
            if isinstance(item, IsSecret):
                return item
    return None


def _in_value(
    value: object, mark: IsSecret | None, path: tuple[int | str, ...]
) -> Iterator[tuple[int | str, ...]]:
    if isinstance(value, BaseModel):
        yield from secrets_in_place(value, path)
    elif isinstance(value, tuple):
        for number, item in enumerate(value):
            yield from _in_value(item, mark, (*path, number))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _in_value(item, mark, (*path, key))
    elif (
        isinstance(value, str)
        and mark
        and not is_reference(value)
        and (mark.always or address_holds_secret(value))
    ):
        yield path
