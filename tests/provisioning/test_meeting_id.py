import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgemeet.errors import MeetingNotFound
from edgemeet.provisioning import check_meeting_id


@pytest.mark.parametrize("value", ["abcd-efgh-ijkl", "xxx-yyy-zzz", "Door_7.north~2", "a", "7" * 128])
def test_ids_are_taken_as_they_are(value):
    assert check_meeting_id(value) == value


@pytest.mark.parametrize(
    "value", ["", " ", "abcd efgh", "abcd\n", "a/b", "..", ".a", "ä-b", "a?b=c", "%61", "7" * 129, "a#b"]
)
def test_malformed_ids_are_refused(value):
    with pytest.raises(MeetingNotFound) as caught:
        check_meeting_id(value)
    assert caught.value.code == "meeting.malformed_id"
    assert "abcd-efgh-ijkl" in caught.value.hint


def test_an_address_is_no_id():
    with pytest.raises(MeetingNotFound) as caught:
        check_meeting_id("https://app.example/abcd-efgh-ijkl?token=hush")
    assert "address" in caught.value.hint
    assert "hush" not in caught.value.message


@given(st.text(max_size=300).map(lambda text: text + "/"))
def test_refusals_are_short_lines(value):
    with pytest.raises(MeetingNotFound) as caught:
        check_meeting_id(value)
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 200
