"""Where `--on` points."""

from __future__ import annotations

import pytest

from supportctl.core.errors import UsageError
from supportctl.remote.url import CodePlace, SshPlace, parse_remote


@pytest.mark.parametrize(
    ("text", "place"),
    [("ssh://till@192.168.1.20", SshPlace("till", "192.168.1.20")),
     ("ssh://till@[fe80::1]:2222", SshPlace("till", "fe80::1", (2222,))),
     ("SSH://a.b@Host.example/", SshPlace("a.b", "host.example")),
     ("ssh://t@h?ports=22,443", SshPlace("t", "h", (22, 443))),
     ("ssh://t@h:2222?ports=22,443", SshPlace("t", "h", (2222, 22, 443))),
     ("ssh://t@h?key=/k%20ey&way=push&python=python3.12", SshPlace("t", "h", key="/k ey", way="push",
                                                                  python="python3.12")),
     ("ssh://t@h?agent=any", SshPlace("t", "h", agent="any")),
     ("code:ABCD-EFGH", CodePlace("ABCD-EFGH"))],
)  # fmt: skip
def test_places(text, place):
    assert parse_remote(text) == place


@pytest.mark.parametrize(
    ("text", "key"),
    [("", "bad-place"), ("till", "bad-place"), ("ssh:till@h", "bad-place"), ("ssh://till@", "bad-place"),
     ("ssh://h", "no-user"), ("ssh://-oProxyCommand=x@h", "no-user"), ("ssh://a b@h", "no-user"),
     ("ssh://t:secret@h", "password-in-url"), ("ssh://t@h:0", "bad-place"), ("ssh://t@h:99999", "bad-place"),
     ("ssh://t@h/path", "bad-place"), ("ssh://t@h#x", "bad-place"), ("ssh://t@h;id", "bad-place"),
     ("ssh://t@h?prots=1", "unknown-option"), ("ssh://t@h?ports=1,x", "bad-option"),
     ("ssh://t@h?ports=1,1", "bad-place"), ("ssh://t@h?ports=0", "bad-place"),
     ("ssh://t@h?ports=1,2,3,4,5,6,7,8,9", "bad-option"), ("ssh://t@h?way=sudo", "bad-option"),
     ("ssh://t@h?python=python3;id", "bad-place"), ("ssh://t@h?python=a%20b", "bad-option"),
     ("ssh://t@h?python=a%22b", "bad-option"), ("ssh://t@h?python=$(id)", "bad-option"),
     ("ssh://t@h?key=", "bad-option"), ("ssh://t@h?key=a%00b", "bad-option"), ("ssh://t@h?x", "bad-place"),
     ("code:", "bad-place"), ("code: ", "bad-place"), ("ssh://t@h" + "x" * 2000, "bad-place")],
)  # fmt: skip
def test_what_is_no_place(text, key):
    with pytest.raises(UsageError) as wrong:
        parse_remote(text)
    assert wrong.value.key == f"remote.{key}" or (key, wrong.value.key) == ("bad-place", "remote.bad-option")


def test_shown_without_what_is_not_for_all_eyes():
    assert parse_remote("ssh://t@h?key=/home/me/key").shown() == "ssh://t@h"
    assert parse_remote("ssh://t@[fe80::1]:2222").shown() == "ssh://t@[fe80::1]:2222"
    assert "ABCD" not in parse_remote("code:ABCD").shown()
