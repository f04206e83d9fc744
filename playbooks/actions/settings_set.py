"""`settings.set`: one value in a settings file (INI, JSON) of a driver, such as its port or speed.

Nothing else in the file is touched. The journal gets the old value and the checksums of the file before and
after, not the file: settings of drivers hold passwords. Undoing writes the old value back and compares the
checksum, so that the file is what it was to the byte.
"""

from __future__ import annotations

import os
import stat
import tomllib
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from playbooks.actions import replacing
from playbooks.actions.model import Done, Plan
from playbooks.actions.parts import checked
from playbooks.actions.settings_places import (
    NoSpotError,
    Spot,
    decoded,
    ini_spot,
    json_spot,
    json_written,
)
from supportctl.core.errors import SupportctlError, UsageError
from supportctl.core.nearest import nearest
from supportctl.core.secret_patterns import may_be_secret_name
from supportctl.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbooks.actions.model import Place
    from supportctl.core.deadline import Deadline
    from supportctl.core.report import Risk

MAX_FILE = 1024 * 1024
_FORMATS = {".ini": "ini", ".cfg": "ini", ".conf": "ini", ".json": "json"}
_KNOWN = Path(__file__).with_name("settings_folders.toml")


class SetSetting:
    """Sets a value that is there already, in a file in one of the allowed folders."""

    name = "settings.set"
    params: Mapping[str, bool] = {"file": True, "key": True, "value": True, "format": False}
    risk: Risk = "undoable"
    seconds = 3

    def plan(self, params: Mapping[str, str], place: Place, deadline: Deadline) -> Plan:  # noqa: ARG002  files answer at once
        """Return the old value and the new one."""
        given = checked(self.name, self.params, params)
        path = allowed(given["file"], place)
        if may_be_secret_name(given["key"]):
            raise UsageError("action.setting-secret", file=path, found=given["key"])
        data = _read(path)
        changed, spot = self._changed(path, data, given)
        words = {
            "file": clean(path),
            "setting": clean(given["key"]),
            "was": clean(spot.written),
            "value": clean(given["value"]),
        }
        undo = {
            "file": str(path),
            "written": spot.written,
            "before": sha256(data).hexdigest(),
            "after": sha256(changed).hexdigest(),
        }
        return Plan(self.name, given, words, undo, needless=changed == data)

    def run(self, plan: Plan, place: Place, deadline: Deadline) -> Done:  # noqa: ARG002  files answer at once
        """Replace the file in one step, if it is what it was when it was planned."""
        path = allowed(plan.params["file"], place)
        data = _read(path)
        now = sha256(data).hexdigest()
        if now == plan.undo["after"]:
            return Done(ok=True)
        if now != plan.undo["before"]:
            return Done(ok=False, code="action.failed-changed-since", words={"file": clean(path)})
        return _put(path, data, self._changed(path, data, plan.params)[0])

    def undo(self, plan: Plan, place: Place, deadline: Deadline) -> Done:  # noqa: ARG002  files answer at once
        """Write the old value back; a file that somebody changed in between is left alone."""
        path = allowed(plan.undo["file"], place)
        data = _read(path)
        now = sha256(data).hexdigest()
        if now == plan.undo["before"]:
            replacing.tidy(path)
            return Done(ok=True)
        back = None
        if now == plan.undo["after"]:
            back = _with(data, _spot(path, data, plan.params), plan.undo["written"])
        if back is None or sha256(back).hexdigest() != plan.undo["before"]:
            return Done(ok=False, code="action.failed-changed-since", words={"file": clean(path)})
        return _put(path, data, back)

    def _changed(self, path: Path, data: bytes, given: Mapping[str, str]) -> tuple[bytes, Spot]:
        """Return the file with the new value, and where the old one stands."""
        try:
            spot = _spot(path, data, given)
        except NoSpotError as error:
            raise _no_spot(error, path, given) from None
        value = given["value"]
        quoted = len(spot.written) > 1 and spot.written[0] == spot.written[-1] == '"'
        try:
            if _format(path, given) == "json":
                written = json_written(spot.written, value)
            else:
                written = f'"{value}"' if quoted and '"' not in value else value
            changed = _with(data, spot, written)
            if _spot(path, changed, given).written != written:  # it would be read as something else
                raise ValueError(value)
        except (ValueError, NoSpotError):
            raise UsageError("action.setting-value", file=path, key=given["key"], found=value) from None
        return changed, spot


def allowed(file: str, place: Place) -> Path:
    """Return the path of a settings file, if settings may be changed there.

    Raises:
        UsageError: it lies in no allowed folder, is no plain file, or a link leads to it.
    """
    path = Path(os.path.normpath(file))
    folders = [
        Path(os.path.realpath(os.path.expandvars(each))) for each in (*place.folders, *known(place.system))
    ]
    if not Path(file).is_absolute() or not any(folder in path.parents for folder in folders):
        told = ", ".join(map(str, folders)) or "-"
        raise UsageError("action.settings-folder", found=file, folders=told)
    try:
        seen = path.lstat()
    except OSError as error:
        raise UsageError("action.no-settings-file", found=file, reason=error.strerror or error) from None
    straight = os.path.normcase(os.path.realpath(path)) == os.path.normcase(path)
    plain = stat.S_ISREG(seen.st_mode) and seen.st_nlink == 1 and straight
    if not plain or seen.st_size > MAX_FILE:
        raise UsageError("action.not-a-plain-file", found=file, limit=MAX_FILE // 1024)
    return path


def known(system: str) -> list[str]:
    """Return the folders in which drivers keep their settings, with variables of the environment."""
    table = tomllib.loads(_KNOWN.read_text(encoding="utf-8"))
    return [folder for folder in table.get(system, []) if "%" not in os.path.expandvars(folder)]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SupportctlError(
            "action.settings-unreadable", found=path, reason=error.strerror or error
        ) from None


def _put(path: Path, was: bytes, data: bytes) -> Done:
    try:
        replacing.replace(path, was, data)
    except replacing.ChangedError:
        return Done(ok=False, code="action.failed-changed-since", words={"file": clean(path)})
    except OSError as error:
        words = {"file": clean(path), "said": clean(error.strerror or error)}
        return Done(ok=False, code="action.failed-writing", words=words)
    return Done(ok=True)


def _format(path: Path, given: Mapping[str, str]) -> str:
    form = given.get("format") or _FORMATS.get(path.suffix.lower(), "")
    if form not in {"ini", "json"}:
        raise UsageError("action.settings-format", found=path.suffix or path.name)
    return form


def _spot(path: Path, data: bytes, given: Mapping[str, str]) -> Spot:
    text = _text(data)
    keys = given["key"].split("/")
    if _format(path, given) == "json":
        return json_spot(text, keys)
    return ini_spot(text, ["/".join(keys[:-1]), keys[-1]] if len(keys) > 1 else keys)


def _text(data: bytes) -> str:
    try:
        text, mark, encoding = decoded(data)
    except UnicodeDecodeError:
        raise NoSpotError("broken") from None
    if mark + text.encode(encoding) != data:
        raise NoSpotError("broken")
    return text


def _with(data: bytes, spot: Spot, written: str) -> bytes:
    text, mark, encoding = decoded(data)
    return mark + (text[: spot.start] + written + text[spot.end :]).encode(encoding)


def _no_spot(error: NoSpotError, path: Path, given: Mapping[str, str]) -> UsageError:
    told = {"file": path, "found": given["key"]}
    if error.reason == "absent":
        return UsageError(
            "action.no-setting", **told, nearest=nearest(given["key"].split("/")[-1], error.near)
        )
    if error.reason == "twice":
        return UsageError("action.setting-twice", **told)
    if error.reason == "no-value":
        return UsageError("action.setting-no-value", **told)
    return UsageError("action.settings-broken", **told)
