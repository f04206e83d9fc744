"""docs/configuration.md: its example is right, and every setting is in it."""

from __future__ import annotations

import re
from pathlib import Path

from supportctl.app.config_file import read_config
from supportctl.app.config_view import schema_document

TEXT = (Path(__file__).parents[3] / "docs/configuration.md").read_text(encoding="utf-8")


def test_example_is_right(tmp_path):
    file = tmp_path / "supportctl.yaml"
    file.write_text(re.search(r"```yaml\n(.*?)```", TEXT, re.DOTALL)[1], encoding="utf-8")
    found = read_config(file)
    assert found.problems == ()
    assert found.config.entry("receipt-printer").expected() == {"drawer": "closed"}


def test_every_setting_is_explained():
    schema = schema_document()
    table = TEXT.partition("## Settings")[2].partition("## Secrets")[0]
    for section, entry in schema["properties"].items():
        assert f"`{section}" in table
        inner = schema["$defs"].get(entry.get("$ref", "").rpartition("/")[2], {})
        for name in inner.get("properties", {}):
            assert f"{section}.{name}`" in table or f"`{name}`" in table
    for kind in ("telephony", "crm", "shop", "trackers"):
        for name in schema["properties"][kind]["additionalProperties"]["discriminator"]["mapping"]:
            assert f"`{name}`" in table
