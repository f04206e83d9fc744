"""The files of the library: whichever parser a machine has, they say the same."""

from __future__ import annotations

import pytest
import yaml

from playbooks.engine.library import SHIPPED

FILES = sorted(SHIPPED.glob("*.yaml"))


@pytest.mark.skipif(not hasattr(yaml, "CSafeLoader"), reason="this PyYAML has no libyaml to compare with")
@pytest.mark.parametrize("path", FILES, ids=[path.name for path in FILES])
def test_both_parsers_of_yaml_read_the_same(path) -> None:
    text = path.read_text(encoding="utf-8")
    assert yaml.load(text, Loader=yaml.SafeLoader) == yaml.load(text, Loader=yaml.CSafeLoader)
