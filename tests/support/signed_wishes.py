"""What a supporter asks of a customer's machine, and how it is refused."""

from __future__ import annotations

import pytest

from supportctl.app.signed_playbooks import pack
from supportctl.core.errors import SupportctlError


def refused(shop, *args, **more) -> str:
    with pytest.raises(SupportctlError) as error:
        shop.run(*args, **more)
    assert shop.port == "COM3"
    return error.value.key


def wish(shop, name="port-fix", **changed):
    """Return the parameters of a run as the supporter's side sends them."""
    from playbooks.engine.library import Library

    packed = pack(Library([shop.library]), name, None)
    params = {"files": dict(packed.files), "signatures": dict(packed.signatures), "name": name}
    return {**params, "params": {"file": str(shop.file)}, "ticket": "T-1", **changed}


def denied(shop, method, params) -> str:
    with pytest.raises(SupportctlError) as error:
        shop.client.call(method, params, deadline_s=10)
    assert shop.port == "COM3"
    return error.value.key


def wish_unsigned(shop):
    text = (shop.library / "port-fix.yaml").read_text()
    return {"files": {"port-fix.yaml": text}, "signatures": {}, "name": "port-fix", "ticket": "T-1"}


def wish_of(shop, name):
    path = shop.library / f"{name}.yaml"
    file = path.name
    return {
        "files": {file: path.read_text()}, "signatures": {file: path.with_name(f"{file}.sig").read_text()},
        "name": name, "ticket": "T-1",
    }  # fmt: skip
