"""Section `sync:` of the configuration."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from supportctl.core.site import SiteConfig
from supportctl.core.sync_settings import SyncSettings


def test_defaults_leave_out_calls_between_employees():
    settings = SiteConfig().sync
    assert (settings.tolerance, settings.late_after, settings.min_recording_s, settings.settle) == (
        60,
        900,
        5,
        600,
    )
    assert [(rule.name, rule.internal) for rule in settings.exclude] == [("internal", True)]


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ({"exclude": [{"name": "all"}]}, "config.empty-rule"),
        ({"exclude": [{"name": "a", "tags": ["x"]}, {"name": "a", "internal": True}]}, "config.same-rule"),
        ({"exclude": [{"name": "a", "phones": ["+" * 101]}]}, "config.bad-glob"),
        ({"exclude": [{"name": "a", "phones": []}]}, "too_short"),
        ({"exclude": [{"name": "a", "phone": ["+7*"]}]}, "extra_forbidden"),
        ({"exclude": [{"name": "a", "direction": "inbound"}]}, "literal_error"),
        ({"tolerance": "0s"}, "greater_than"),
        ({"tolerance": "2h"}, "less_than_equal"),
        ({"late_after": "soon"}, "config.bad-duration"),
        ({"min_recording_s": -1}, "greater_than_equal"),
    ],
)
def test_mistakes_have_their_own_kind(document, kind):
    with pytest.raises(ValidationError) as found:
        SyncSettings.model_validate(document)
    assert found.value.errors()[0]["type"] == kind


def test_extensions_may_be_written_as_numbers():
    rule = {"name": "a", "employees": [101, "0102"]}
    settings = SyncSettings.model_validate({"exclude": [rule], "employees": {"101": 17, "0102": "x9"}})
    assert settings.exclude[0].employees == ("101", "0102")
    assert settings.employees == {"101": 17, "0102": "x9"}
