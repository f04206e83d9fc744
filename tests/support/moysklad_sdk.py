"""The vendor's SDK for MoySklad, module by module: its packages import 670 modules of models at once (25 s).

The packages stand empty here and import a class when it is asked for; its own code does all the rest.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
import types

NAME = "moysklad_remap_12_sdk"
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class _Package(types.ModuleType):
    """A package that finds a class in the module of its name: `RetailStore` in `retail_store`."""

    def __init__(self, name: str, path: str) -> None:
        super().__init__(name)
        self.__path__ = [path]

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        module = f"{self.__name__}.{_WORD.sub('_', name).lower()}"
        try:
            found = importlib.import_module(module)
        except ModuleNotFoundError:
            raise AttributeError(name) from None
        if name != name.lower():  # a class; else the module itself
            found = getattr(found, name)
        setattr(self, name, found)
        return found


def load() -> types.ModuleType:
    """Return the SDK; its classes are found below `api` and `models`."""
    if NAME not in sys.modules:
        spec = importlib.util.find_spec(NAME)
        assert spec
        assert spec.submodule_search_locations
        root = spec.submodule_search_locations[0]
        for name, path in (
            (NAME, root),
            (f"{NAME}.models", f"{root}/models"),
            (f"{NAME}.api", f"{root}/api"),
        ):
            sys.modules[name] = _Package(name, path)
        for inner in ("models", "api"):
            setattr(sys.modules[NAME], inner, sys.modules[f"{NAME}.{inner}"])
    return sys.modules[NAME]
