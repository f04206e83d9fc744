"""config show and schema: every value with its origin, no secret."""

from __future__ import annotations

import json

import pytest

from supportctl.app.config_file import read_config
from supportctl.app.config_view import schema_document, view

TEXT = """\
targets:
  - {name: till, url: "shtrih+tcp://10.0.0.5?password=4711"}
telephony: {pbx: {kind: mango, key: plain-key, salt: "secret://file/etc/salt"}}
crm:
  acme: {kind: bitrix24, url: "https://portal.example/rest/1/abcdef123456/"}
store: "postgresql+psycopg://user:hunter22@db.example/calls"
notify: ["tgram://bottoken/chat"]
"""
SECRETS = ("4711", "plain-key", "abcdef123456", "hunter22", "bottoken")


@pytest.fixture
def shown(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(TEXT)
    return view(read_config(path))


def test_no_secret_is_shown(shown):
    document, settings = shown
    for secret in SECRETS:
        assert secret not in json.dumps(document)
        assert secret not in str(settings)


def test_references_and_addresses_stay_readable(shown):
    values = {setting.path: setting.value for setting in shown[1]}
    assert values["telephony.pbx.salt"] == "secret://file/etc/salt"
    assert values["crm.acme.url"] == "https://portal.example/rest/1/***/"
    assert values["store"] == "postgresql+psycopg://user:***@db.example/calls"
    assert values["targets[0].url"].endswith("?password=***")


def test_origins(shown):
    origins = {setting.path: setting.origin for setting in shown[1]}
    assert origins["targets[0].name"].endswith("c.yaml:2")
    assert origins["resend.horizon"] is None


def test_defaults_without_a_file():
    document, settings = view(None)
    assert document["store"] == "sqlite:///supportctl.db"
    assert {setting.origin for setting in settings} == {None}


def test_schema_knows_the_contract():
    schema = schema_document()
    assert set(schema["properties"]) == {
        "site", "targets", "telephony", "crm", "shop", "sync", "store", "resend", "trackers", "notify",
        "escalation",
        "host",
        "network",
        "playbooks", "signing", "remote", "redaction", "bundle",
    }  # fmt: skip
    assert schema["additionalProperties"] is False
    kinds = schema["properties"]["crm"]["additionalProperties"]["discriminator"]["mapping"]
    assert set(kinds) == {"bitrix24", "amocrm", "moysklad", "hubspot", "webhook"}
