"""biip, the GS1 parser that we did not write: it agrees on sound codes, and shows why lengths are needed."""

from __future__ import annotations

import biip
import pytest
from biip.gs1_messages import GS1Message

from probes.scanning.diagnosis import diagnose
from probes.scanning.elements import parse_elements

GS = "\x1d"
MILK = f"0104601234567893215abcDE{GS}93dGVz"
CLOTHES = f"0104601234567893215G+mgsHw<DiLN{GS}91EE05{GS}92{'kT7/aQ+' * 6}0="
# GS1 General Specifications: samples of each kind of element, with separators where the AI varies in length
SAMPLES = [
    "010703206980498815210526100329",
    f"0107032069804988100329{GS}15210526",
    f"01046012345678931725010110ABC{GS}21XY-1",
    "00046012345678901239",
    "0204601234567893" + "3712",
    "0104601234567893" + "3103000123",
    f"0104601234567893392251200{GS}17250101",
    f"8008260101120000{GS}10A",
    MILK,
    CLOTHES,
]


@pytest.mark.parametrize("aim", ["]d2", "]C1", "]Q3"])
@pytest.mark.parametrize("code", SAMPLES)
def test_sound_codes_are_read_alike(code, aim):
    theirs = {element.ai.ai: element.value for element in GS1Message.parse(code).element_strings}
    found = diagnose(aim + code)
    ours = {problem.code for problem in found.problems} - {"scanner.wrong-symbology"}  # ]C1 on a marking code
    assert (ours, found.elements()) == (set(), theirs)
    assert biip.parse(aim + code).gs1_message is not None


@pytest.mark.parametrize("code", SAMPLES)
def test_the_beginning_of_a_code_is_never_more_than_the_code(code):
    whole = parse_elements(code).values
    for size in range(len(code)):
        found = parse_elements(code[:size])
        known = {ai: value for ai, value in found.values.items() if whole.get(ai) == value}
        assert len(found.values) - len(known) <= 1  # the last one may be short where its length varies


def test_a_lost_separator_escapes_biip_and_not_us():
    """The reference, section 7: 21 becomes `5abcDE93dGVz`, without a complaint."""
    flat = MILK.replace(GS, "")
    theirs = {element.ai.ai: element.value for element in GS1Message.parse(flat).element_strings}
    assert theirs == {"01": "04601234567893", "21": "5abcDE93dGVz"}
    found = diagnose(flat)
    assert [problem.code for problem in found.problems] == ["scanner.gs-lost"]
    assert found.elements() == {"01": "04601234567893", "21": "5abcDE", "93": "dGVz"}
    with pytest.raises(biip.ParseError):
        GS1Message.parse(CLOTHES.replace(GS, ""))
    assert diagnose(CLOTHES.replace(GS, "")).corrected == CLOTHES


def test_what_we_put_right_biip_reads():
    for code in (MILK, CLOTHES):
        for broken in (code.replace(GS, ""), f"A{code}", code + code, code.replace(GS, "<GS>")):
            corrected = diagnose(broken).corrected
            assert corrected is not None
            assert GS1Message.parse(corrected).element_strings.get(ai="21") is not None
