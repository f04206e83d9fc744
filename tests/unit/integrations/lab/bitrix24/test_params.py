"""Parameters as PHP reads them."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.lab.bitrix24 import params as p


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("FILTER[>ID]=5", {"FILTER": {">ID": "5"}}),
        ("FILTER[%3E%3DPRICE]=15", {"FILTER": {">=PRICE": "15"}}),  # the SDK's own example
        ("USER_ID[]=1&USER_ID[]=2", {"USER_ID": ["1", "2"]}),
        ("ID[0]=1&ID[1]=7", {"ID": ["1", "7"]}),
        ("ID[3]=1", {"ID": {"3": "1"}}),
        ("cmd[a]=method%3Fx%3Dy%26z%5B0%5D%3D1", {"cmd": {"a": "method?x=y&z[0]=1"}}),
        ("a[b][c]=1&a[b][d]=2", {"a": {"b": {"c": "1", "d": "2"}}}),
        ("a=1&a=2", {"a": "2"}),
        ("a=1&a[b]=2", {"a": {"b": "2"}}),
        ("[x]=1", {"[x]": "1"}),
        ("empty=", {"empty": ""}),
    ],
)
def test_nested_names_are_arrays(query, found):
    assert p.from_query(query) == found


def test_php_writes_empty_arrays_and_counted_ones_as_lists():
    assert p.as_php({}) == []
    assert p.as_php({"0": 1, "1": 2}) == [1, 2]
    assert p.as_php({"a": 1}) == {"a": 1}


def test_references_are_replaced_within_text_and_what_is_missing_is_empty():
    results = {"a": {"ID": 7, "LIST": [{"X": "y"}], "OK": True}}
    params = {
        "one": "$result[a][ID]",
        "two": ["VI_$result[a][LIST][0][X]!"],
        "three": {"x": "$result[b][ID]"},
    }
    assert p.resolved(params, results) == {"one": "7", "two": ["VI_y!"], "three": {"x": ""}}
    assert p.resolved("$result[a][OK]$result[a][LIST][9]$result[a]", results) == "1"


@given(st.text(max_size=200))
def test_any_query_is_read(text):
    names = [key for key, _ in parse_qsl(text, keep_blank_values=True)]
    assert set(p.from_query(text)) <= {*names, *(name.partition("[")[0] for name in names)}


@given(st.dictionaries(st.text(max_size=5), st.none() | st.booleans() | st.integers() | st.lists(st.text())))
def test_any_value_of_json_is_taken(params):
    for name in [*params, "absent"]:
        p.text(params, name)
        assert isinstance(p.number(params, name), int)
        assert p.flag(params, name, default=True) in {True, False}
        assert all(isinstance(each, str) for each in p.values(params, name))
