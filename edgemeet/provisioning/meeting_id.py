"""What a meeting id may look like."""

from __future__ import annotations

import re
from typing import Final

from edgemeet.errors import MeetingNotFound
from edgemeet.refusals import quotable

# VideoSDK's own ids are groups of letters and digits with dashes between; a custom id may be any text that
# needs no escaping in a URL (RFC 3986, 2.3). A dot comes not first, so that no path is walked up.
MEETING_ID_PATTERN: Final = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,127}")


def check_meeting_id(value: str) -> str:
    """``value`` itself, if it can be a meeting id.

    Raises:
        MeetingNotFound: ``meeting.malformed_id``.
    """
    if MEETING_ID_PATTERN.fullmatch(value):
        return value
    hint = "A meeting id looks like abcd-efgh-ijkl: letters, digits, dashes, at most 128 signs."
    if "/" in value:
        hint += " Give the id alone, not the address of the meeting."
    raise MeetingNotFound(
        f'"{quotable(value)}" cannot be a meeting id', code="meeting.malformed_id", hint=hint
    )
