"""Reads a scenario file strictly: a misspelt key is told with its line, and never passed over."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from probes.lab.catalogue import DEVICES, make_device
from probes.lab.scenario import DAYS, SECTIONS, DeviceSpec, PortalSpec, Scenario, built_in
from probes.lab.wirefaults import SERIAL, TCP, UDP, WIRES, wire_faults
from supportctl.core.errors import UsageError
from supportctl.core.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_BYTES = 256 * 1024
MAX_DEVICES = 1000
MAX_PORTALS = 50
MAX_PORT = 65535
MAX_BAUD = 4_000_000
_MAX_DEPTH = 8
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")
_NAME_SHOWN = "a-z 0-9 -"
_KEYS = ("site", "devices", "portals", "day")
_SITE_KEYS = ("id", "phone_region")
_PORTAL_KEYS = ("name", "kind", "section", "port", "faults")
_DEVICE_KEYS = ("name", "protocol", "wire", "port", "model", "baud", "count", "faults")


def read_scenario(source: str | Path) -> Scenario:
    """Return the scenario in a file.

    Raises:
        UsageError: `lab.scenario-missing`, `-unreadable`, `-too-big`, or what `parse_scenario` raises.
    """
    path = Path(source)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        text = data.decode("utf-8-sig")
    except FileNotFoundError:
        known = ", ".join(built_in())
        raise UsageError("lab.scenario-missing", found=source, known=known) from None
    except UnicodeDecodeError as error:
        raise UsageError("lab.scenario-unreadable", found=path, reason=error.reason) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError("lab.scenario-unreadable", found=path, reason=reason) from None
    if len(data) > MAX_BYTES:
        raise UsageError("lab.scenario-too-big", found=path, limit=MAX_BYTES // 1024)
    return parse_scenario(text, path.stem, str(path))


def parse_scenario(text: str, name: str, file: str) -> Scenario:
    """Return the scenario that `text` describes; `file` is named in the messages.

    Raises:
        UsageError: `lab.scenario-syntax`, `-unknown-key`, `-missing-key`, `-bad-value` or `-name-twice`, each
            with the file and the line.
    """
    root = _Fields(_compose(text, file), file, _KEYS)
    site = root.inner("site", _SITE_KEYS)
    site_id = site.text("id", "lab", _is_name, _NAME_SHOWN) if site else "lab"
    region = site.text("phone_region", "", _is_region, "RU") if site else ""
    portals = _portals(root, file)
    day = root.text("day", "healthy" if portals else "none", DAYS.__contains__, ", ".join(DAYS))
    specs: list[DeviceSpec] = []
    for node in root.items("devices", optional=bool(portals)):
        fields = _Fields(node, file, _DEVICE_KEYS)
        specs.extend(_device(fields))
        if len(specs) > MAX_DEVICES:
            raise fields.bad("count", len(specs), f"1…{MAX_DEVICES}")
        known = [*(portal.name for portal in portals), *(spec.name for spec in specs)]
        if len(set(known)) != len(known):
            raise UsageError("lab.scenario-name-twice", where=fields.where("name"), found=specs[-1].name)
    if not specs and not portals:
        raise UsageError("lab.scenario-missing-key", where=root.where("devices"), field="devices")
    return Scenario(name, tuple(specs), site_id, portals, day, region)


def _portals(root: _Fields, file: str) -> tuple[PortalSpec, ...]:
    """Return the portals; their kinds and faults are looked at by whoever can start them."""
    portals: list[PortalSpec] = []
    for node in root.items("portals", optional=True):
        fields = _Fields(node, file, _PORTAL_KEYS)
        spec = PortalSpec(
            fields.text("name", None, _is_name, _NAME_SHOWN),
            fields.text("kind", None, _is_name, _NAME_SHOWN),
            fields.text("section", None, SECTIONS.__contains__, ", ".join(SECTIONS)),
            fields.number("port", 0, MAX_PORT, 0),
            fields.texts("faults", (), None),
            fields.where("name"),
        )
        if spec.name in {portal.name for portal in portals}:
            raise UsageError("lab.scenario-name-twice", where=spec.where, found=spec.name)
        if len(portals) == MAX_PORTALS:
            raise fields.bad("name", len(portals) + 1, f"1…{MAX_PORTALS}")
        portals.append(spec)
    return tuple(portals)


def _device(fields: _Fields) -> tuple[DeviceSpec, ...]:
    name = fields.text("name", None, _is_name, _NAME_SHOWN)
    protocol = fields.text("protocol", None, DEVICES.__contains__, ", ".join(DEVICES))
    wires = fields.texts("wire", (TCP,), WIRES)
    spec = DeviceSpec(
        name,
        protocol,
        wires,
        port=fields.number("port", 0, MAX_PORT, 0),
        model=fields.text("model", "") or None,
        baud=fields.number("baud", 50, MAX_BAUD, 0),
    )
    count = fields.number("count", 1, MAX_DEVICES, 1)
    if spec.baud and SERIAL not in wires:
        raise fields.bad("baud", spec.baud, f"wire: {SERIAL}")
    if spec.port and (not {TCP, UDP} & set(wires) or count > 1):
        raise fields.bad("port", spec.port, f"wire: {TCP}, count: 1")
    try:
        device = make_device(protocol, spec.model)
    except UsageError as error:
        raise fields.bad("model", error.args_by_name["found"], protocol) from None
    possible = (*wire_faults(frozenset(wires)), *sorted(device.faults))
    faults = fields.texts("faults", (), possible)
    whole = DeviceSpec(name, protocol, wires, spec.port, spec.model, spec.baud, faults)
    return whole.times(count)


def _is_name(text: str) -> bool:
    return bool(_NAME.fullmatch(text))


def _is_region(text: str) -> bool:
    return bool(re.fullmatch("[A-Z]{2}", text))


def _compose(text: str, file: str) -> yaml.Node:
    try:
        _refuse_bombs(text, file)
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        where = _where(file, error.problem_mark or error.context_mark)
        raise UsageError("lab.scenario-syntax", where=where, found=error.problem or error.context) from None
    except yaml.YAMLError as error:
        raise UsageError("lab.scenario-syntax", where=file, found=type(error).__name__) from None
    if node is None:
        raise UsageError("lab.scenario-missing-key", where=f"{file}:1", field="devices")
    return node


def _refuse_bombs(text: str, file: str) -> None:
    """A few lines of aliases can mean gigabytes, and deep nesting exhausts the stack."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        alias = isinstance(event, yaml.AliasEvent)
        if alias or depth > _MAX_DEPTH:
            found = f"*{getattr(event, 'anchor', '')}" if alias else "[[[…"
            raise UsageError("lab.scenario-syntax", where=_where(file, event.start_mark), found=found)


def _where(file: str, mark: Any) -> str:  # noqa: ANN401  PyYAML has two kinds of marks
    return f"{file}:{mark.line + 1}" if mark else file


class _Fields:
    """A mapping of the file whose keys are known; every complaint names the file and the line."""

    def __init__(self, node: yaml.Node, file: str, known: tuple[str, ...]) -> None:
        self._file = file
        self._node = node
        if not isinstance(node, yaml.MappingNode):
            expected = f"{{{', '.join(known)}}}"
            raise self._complaint(
                "lab.scenario-bad-value", node, field="-", found=_shown(node), expected=expected
            )
        self._values: dict[str, yaml.Node] = {}
        for key, value in node.value:
            word = key.value if isinstance(key, yaml.ScalarNode) else _shown(key)
            if word not in known:
                near = nearest(word, known)
                raise self._complaint("lab.scenario-unknown-key", key, found=word, nearest=near)
            if word in self._values:
                raise self._complaint("lab.scenario-name-twice", key, found=word)
            self._values[word] = value

    def where(self, key: str) -> str:
        """Return the file and line of a key's value, else of the mapping."""
        return _where(self._file, self._values.get(key, self._node).start_mark)

    def bad(self, key: str, found: object, expected: str) -> UsageError:
        """Return the complaint about a value."""
        return UsageError(
            "lab.scenario-bad-value", where=self.where(key), field=key, found=found, expected=expected
        )

    def inner(self, key: str, known: tuple[str, ...]) -> _Fields | None:
        """Return the mapping under `key`, if it is there."""
        node = self._values.get(key)
        return _Fields(node, self._file, known) if node is not None else None

    def items(self, key: str, *, optional: bool = False) -> list[yaml.Node]:
        """Return the items of the list under `key`, which must be there unless it is `optional`."""
        node = self._values.get(key)
        if node is None and optional:
            return []
        if node is None:
            raise UsageError("lab.scenario-missing-key", where=self.where(key), field=key)
        if not isinstance(node, yaml.SequenceNode):
            raise self.bad(key, _shown(node), "[ ]")
        return list(node.value)

    def text(
        self,
        key: str,
        default: str | None,
        fits: Callable[[str], bool] = bool,
        expected: str = "text",
    ) -> str:
        """Return a word; without a default it must be there."""
        node = self._values.get(key)
        if node is None:
            if default is None:
                raise UsageError("lab.scenario-missing-key", where=self.where(key), field=key)
            return default
        if not isinstance(node, yaml.ScalarNode) or not fits(node.value):
            raise self.bad(key, _shown(node), expected)
        return str(node.value)

    def number(self, key: str, low: int, high: int, default: int) -> int:
        """Return a whole number between `low` and `high`."""
        node = self._values.get(key)
        if node is None:
            return default
        text = node.value if isinstance(node, yaml.ScalarNode) else ""
        if not (text.isascii() and text.isdigit() and len(text) < 10 and low <= int(text) <= high):
            raise self.bad(key, _shown(node), f"{low}…{high}")
        return int(text)

    def texts(self, key: str, default: tuple[str, ...], known: tuple[str, ...] | None) -> tuple[str, ...]:
        """Return known words, from a list or a single one, each once; None: any words."""
        node = self._values.get(key)
        if node is None:
            return default
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        words: list[str] = []
        for item in nodes:
            fits = isinstance(item, yaml.ScalarNode) and (known is None or item.value in known)
            if not fits or item.value in words:
                near = nearest(_shown(item), known or ())
                where = _where(self._file, item.start_mark)
                raise UsageError(
                    "lab.scenario-bad-value", where=where, field=key, found=_shown(item), expected=near
                )
            words.append(item.value)
        if not words and default:
            raise self.bad(key, "[]", ", ".join(known or ()))
        return tuple(words)

    def _complaint(self, error: str, node: yaml.Node, **args: object) -> UsageError:
        return UsageError(error, where=_where(self._file, node.start_mark), **args)


def _shown(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return str(node.value) or "''"
    return "[ ]" if isinstance(node, yaml.SequenceNode) else "{ }"
