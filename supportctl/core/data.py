"""Data files that lie beside modules: from a folder, or from the archive that a pushed agent is."""

from __future__ import annotations

import os
import sys
from typing import Any, cast


def beside(module: str, name: str) -> bytes:
    """Return the file `name` that lies beside the module `module` (its `__name__`).

    Raises:
        OSError: there is none.
    """
    spec = sys.modules[module].__spec__
    assert spec is not None
    assert spec.origin is not None
    path = os.path.join(os.path.dirname(spec.origin), *name.split("/"))  # noqa: PTH118, PTH120  pathlib is dear at start-up
    data: bytes = cast("Any", spec.loader).get_data(path)  # both loaders of the standard library have it
    return data
