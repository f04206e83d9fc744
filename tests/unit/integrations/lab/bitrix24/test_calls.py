"""How calls come into the portal: the rules of registration, ending and recordings, as documented."""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from bitrix24_lab import KNOWN_PHONE, PHONE, START, Lab

from integrations.lab.bitrix24.portal import Token
from integrations.lab.portal import Asked

REGISTER, FINISH = "telephony.externalCall.register", "telephony.externalCall.finish"
ATTACH = "telephony.externalCall.attachRecord"
NOT_FOUND = "Call is not found (call should be registered prior to finishing"


def test_a_call_of_a_known_number_comes_into_its_card(lab):
    call_id = lab.register(PHONE_NUMBER=KNOWN_PHONE, EXTERNAL_CALL_ID="uis-1", LINE_NUMBER="78120000001")
    assert call_id.startswith("externalCall.")
    done = lab.finish(call_id)
    assert (done["CRM_ENTITY_TYPE"], done["CRM_ENTITY_ID"]) == ("CONTACT", 1)
    assert done["CALL_FAILED_CODE"] == "200"
    assert "ERRORS" not in done
    row = lab.statistics()[0]
    assert (row["ID"], row["CALL_ID"], row["EXTERNAL_CALL_ID"]) == (str(done["ID"]), call_id, "uis-1")
    assert row["CRM_ACTIVITY_ID"] == str(done["CRM_ACTIVITY_ID"])
    activity = lab.ask("crm.activity.list", {"filter": {"ORIGIN_ID": f"VI_{call_id}"}})[0]
    assert activity["ID"] == row["CRM_ACTIVITY_ID"]


def test_a_call_of_a_stranger_is_saved_without_an_activity_and_says_so_with_status_200(lab):
    done = lab.finish(lab.register())
    assert done["CRM_ACTIVITY_ID"] is None
    assert "ACTIVITY_CREATION" in done["ERRORS"]
    assert lab.statistics()[0]["CRM_ENTITY_ID"] is None


def test_crm_create_makes_a_lead(lab):
    params = {"USER_ID": 17, "PHONE_NUMBER": PHONE, "TYPE": 2, "CRM_CREATE": 1}
    made = lab.ask(REGISTER, params)
    assert made["CRM_CREATED_LEAD"] == made["CRM_ENTITY_ID"] == 1
    assert made["CRM_CREATED_ENTITIES"] == [{"ENTITY_TYPE": "LEAD", "ENTITY_ID": 1}]
    assert lab.finish(made["CALL_ID"])["CRM_ACTIVITY_ID"]


def test_a_line_without_auto_create_makes_no_lead_of_an_outgoing_call(lab):
    lab.ask("telephony.externalLine.add", {"NUMBER": "200", "CRM_AUTO_CREATE": "N"})
    params = {"USER_ID": 17, "PHONE_NUMBER": PHONE, "TYPE": 1, "CRM_CREATE": 1, "LINE_NUMBER": "200"}
    assert lab.ask(REGISTER, params)["CRM_CREATED_LEAD"] is None


def test_a_number_of_an_employee_is_an_internal_call(lab):
    done = lab.finish(lab.register(PHONE_NUMBER="101"))
    assert done["CRM_ACTIVITY_ID"] is None
    assert "ERRORS" not in done


def test_an_unknown_line_is_made_cut_to_50_characters(lab):
    lab.register(LINE_NUMBER="9" * 60)
    assert lab.ask("telephony.externalLine.get") == [{"NUMBER": "9" * 50, "NAME": "", "CRM_AUTO_CREATE": "Y"}]


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"PHONE_NUMBER": PHONE, "TYPE": 2}, "USER_ID or USER_PHONE_INNER should be set"),
        ({"USER_ID": 17, "PHONE_NUMBER": PHONE, "TYPE": 9}, "Unknown TYPE"),
        (
            {"USER_ID": 17, "PHONE_NUMBER": PHONE, "TYPE": 2, "CALL_START_DATE": "yesterday"},
            "CALL_START_DATE should be in the ISO-8601 format",
        ),
        ({"USER_ID": 17, "PHONE_NUMBER": "hidden", "TYPE": 2}, "Unsupported phone number format"),
        ({"USER_ID": 5, "PHONE_NUMBER": PHONE, "TYPE": 2}, "User is not found or is not active"),
        ({"USER_PHONE_INNER": "106", "PHONE_NUMBER": PHONE, "TYPE": 2}, "User is not found or is not active"),
    ],
)
def test_what_register_refuses(lab, params, text):
    assert lab.refused(REGISTER, params) == (400, "ERROR_CORE", text)
    assert lab.portal.state()["open"] == 0


@pytest.mark.parametrize(
    ("second", "same"),
    [
        ({}, True),
        ({"CALL_START_DATE": (START - timedelta(minutes=5)).isoformat()}, True),  # no key
        ({"CRM_CREATE": 1}, True),  # no key either
        ({"EXTERNAL_CALL_ID": "a"}, True),
        ({"EXTERNAL_CALL_ID": "b"}, False),
        ({"LINE_NUMBER": "100"}, True),
        ({"LINE_NUMBER": "200"}, False),
        ({"TYPE": 1}, False),
        ({"USER_ID": 1}, False),
        ({"PHONE_NUMBER": KNOWN_PHONE}, False),
    ],
)
def test_a_registration_is_taken_for_the_open_call_with_the_same_keys(lab, second, same):
    first = lab.register(EXTERNAL_CALL_ID="a", LINE_NUMBER="100")
    assert (lab.register(**second) == first) is same


def test_the_duplicate_rule_ends_with_finish(lab):
    first = lab.register(EXTERNAL_CALL_ID="a")
    lab.finish(first)
    second = lab.register(EXTERNAL_CALL_ID="a")
    assert second != first
    lab.finish(second)
    assert len(lab.statistics(FILTER={"EXTERNAL_CALL_ID": "a"})) == 2


def test_the_duplicate_rule_looks_at_the_start_of_the_call_so_an_old_call_is_never_recognised(lab):
    old = (START - timedelta(hours=3)).isoformat()
    assert lab.register(EXTERNAL_CALL_ID="a", CALL_START_DATE=old) != lab.register(
        EXTERNAL_CALL_ID="a", CALL_START_DATE=old
    )


def test_the_duplicate_rule_ends_after_30_minutes(lab):
    first = lab.register(EXTERNAL_CALL_ID="a")
    lab.clock.advance(29 * 60)
    assert lab.register(EXTERNAL_CALL_ID="a") == first
    lab.clock.advance(2 * 60)
    assert lab.register(EXTERNAL_CALL_ID="a") != first


def test_overlapping_calls_without_an_external_id_are_merged_and_the_second_finish_fails(lab):
    first, second = lab.register(), lab.register()
    assert first == second
    lab.finish(first)
    params = {"CALL_ID": second, "USER_ID": 17, "DURATION": 5}
    assert lab.refused(FINISH, params) == (400, "", NOT_FOUND)
    assert len(lab.statistics()) == 1


def test_applications_do_not_share_open_calls():
    lab = Lab(rate=0, tokens={"t1": Token(1, "5"), "t2": Token(1, "6")})
    params = {"USER_ID": 17, "PHONE_NUMBER": PHONE, "TYPE": 2}
    path = f"/rest/{REGISTER}"
    ids = {lab.ask(REGISTER, {**params, "auth": token}, path=path)["CALL_ID"] for token in ("t1", "t1", "t2")}
    assert len(ids) == 2


def test_finish_wants_text_for_a_call_id_and_an_active_user(lab):
    assert lab.refused(FINISH, {"CALL_ID": 5, "USER_ID": 17})[:2] == (400, "INVALID_ARGUMENT")
    call_id = lab.register()
    assert lab.refused(FINISH, {"CALL_ID": call_id, "USER_ID": 5})[2] == "User is not found or is not active"
    assert lab.portal.state()["open"] == 1


def test_a_call_without_duration_is_missed(lab):
    assert lab.finish(lab.register(), DURATION=0)["CALL_FAILED_CODE"] == "304"


def test_pop_ups_and_chat_messages_are_the_default_and_are_counted(lab):
    params = {"USER_ID": 17, "PHONE_NUMBER": PHONE, "TYPE": 2}
    call_id = lab.ask(REGISTER, params)["CALL_ID"]
    lab.ask(FINISH, {"CALL_ID": call_id, "USER_ID": 17})
    state = lab.portal.state()
    assert (state["pop_ups"], state["chat_messages"]) == (1, 1)
    lab.finish(lab.register())
    state = lab.portal.state()
    assert (state["pop_ups"], state["chat_messages"]) == (1, 1)


def test_show_and_hide_only_open_calls(lab):
    call_id = lab.register()
    assert lab.ask("telephony.externalCall.show", {"CALL_ID": call_id, "USER_ID": [1, 17]}) is True
    assert lab.ask("telephony.externalCall.hide", {"CALL_ID": call_id}) is True
    assert lab.portal.state()["pop_ups"] == 2
    lab.finish(call_id)
    assert lab.ask("telephony.externalCall.show", {"CALL_ID": call_id}) is False


def test_search_of_cards(lab):
    found = lab.ask("telephony.externalCall.searchCrmEntities", {"PHONE_NUMBER": "8 (999) 000-11-33"})
    assert [(card["CRM_ENTITY_TYPE"], card["CRM_ENTITY_ID"]) for card in found] == [("CONTACT", 1)]
    assert lab.refused("telephony.externalCall.searchCrmEntities")[2] == "PHONE_NUMBER is empty"


def test_lines_are_added_once_changed_and_deleted(lab):
    lab.ask("telephony.externalLine.add", {"NUMBER": "100", "NAME": "Main"})
    assert lab.refused("telephony.externalLine.add", {"NUMBER": "100"})[2] == "Line already exists"
    lab.ask("telephony.externalLine.update", {"NUMBER": "100", "CRM_AUTO_CREATE": "N"})
    assert lab.ask("telephony.externalLine.get") == [
        {"NUMBER": "100", "NAME": "Main", "CRM_AUTO_CREATE": "N"}
    ]
    assert lab.ask("telephony.externalLine.delete", {"NUMBER": "100"}) is True
    assert lab.ask("telephony.externalLine.get") == []


def test_a_recording_by_content_is_kept_and_a_second_one_replaces_it(lab):
    call_id = lab.register(PHONE_NUMBER=KNOWN_PHONE)
    content = base64.b64encode(b"sound").decode()
    params = {"CALL_ID": call_id, "FILENAME": "a.mp3", "FILE_CONTENT": content}
    assert "not finished yet" in lab.refused(ATTACH, params)[2]
    lab.finish(call_id)
    first = lab.ask(ATTACH, params)["FILE_ID"]
    assert lab.statistics()[0]["RECORD_FILE_ID"] == first
    assert lab.statistics()[0]["CALL_RECORD_URL"] is None
    second = lab.ask(ATTACH, params)["FILE_ID"]
    assert lab.statistics()[0]["RECORD_FILE_ID"] == second != first
    kept = lab.portal.store.files[second]
    assert (kept.size, kept.sha256) == (5, hashlib.sha256(b"sound").hexdigest())
    files = lab.ask("crm.activity.list", {"select": ["ID", "FILES"]})[0]["FILES"]
    assert files == [{"id": second}]


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({}, "Required parameters are not set"),
        ({"FILENAME": ""}, "File name is empty"),
        ({"FILENAME": "a.ogg", "FILE_CONTENT": "eA=="}, "Wrong file extension. Only wav and mp3 are allowed"),
        ({"FILENAME": "a.wav", "FILE_CONTENT": ""}, "File content is empty."),
        ({"FILENAME": "a.wav", "FILE_CONTENT": "%%%"}, "Base64 encoding is expected."),
    ],
)
def test_what_attach_record_refuses(lab, params, text):
    call_id = lab.register()
    lab.finish(call_id)
    status, code, told = lab.refused(ATTACH, {"CALL_ID": call_id, **params})
    assert (status, code) == (400, "ERROR_CORE")
    assert text in told


def test_an_address_of_a_recording_is_noted_not_fetched(lab):
    call_id = lab.register()
    lab.finish(call_id)
    number = lab.ask(ATTACH, {"CALL_ID": call_id, "RECORD_URL": "https://pbx.example/rec/1.mp3"})["FILE_ID"]
    assert lab.portal.store.files[number][::3] == ("1.mp3", "https://pbx.example/rec/1.mp3")
    lab.portal.records.fetch = lambda _: (404, b"")
    told = lab.refused(ATTACH, {"CALL_ID": call_id, "RECORD_URL": "https://pbx.example/rec/1.mp3"})
    assert told[2] == "Server returns HTTP error code 404"


def test_a_recording_may_be_sent_in_a_second_request(lab):
    lab.portal.base_url = "https://acme.example"
    call_id = lab.register()
    lab.finish(call_id)
    where = lab.ask(ATTACH, {"CALL_ID": call_id, "FILENAME": "a.wav"})
    assert where["fieldName"] == "file"
    parts = urlsplit(where["uploadUrl"])
    body = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n'
        b"Content-Type: audio/wav\r\n\r\nRIFF\x00\xff\r\n--x--\r\n"
    )
    query = tuple(tuple(pair.split("=")) for pair in parts.query.split("&"))
    kind = {"content-type": "multipart/form-data; boundary=x"}
    said = lab.portal.respond(Asked("POST", parts.path, query, kind, body))
    assert said.status == 200
    number = lab.statistics()[0]["RECORD_FILE_ID"]
    assert lab.portal.store.files[number].sha256 == hashlib.sha256(b"RIFF\x00\xff").hexdigest()
    assert lab.portal.respond(Asked("POST", parts.path, query, kind, body)).status == 403


def test_a_finished_call_may_come_late_into_the_statistics(lab):
    lab.portal.switch("statistics-late", on=True)
    call_id = lab.register()
    lab.finish(call_id)
    assert lab.statistics() == []
    assert "not finished yet" in lab.refused(ATTACH, {"CALL_ID": call_id, "FILENAME": "a.mp3"})[2]
    lab.clock.advance(lab.portal.late_s)
    assert [row["CALL_ID"] for row in lab.statistics()] == [call_id]
