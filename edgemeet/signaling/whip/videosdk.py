"""VideoSDK's WHIP API as documented. Unproven against the cloud: a wrong guess stands in this one place."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from edgemeet.signaling.whip.resource import WhipTarget

PATH: Final = "/v2/whip"
SESSIONS: Final = "/v2/whip/sessions/"


def videosdk_target(
    api_url: str, *, token: str, meeting_id: str, participant_id: str, name: str
) -> WhipTarget:
    """Where to publish into a meeting.

    Args:
        api_url: such as "https://api.videosdk.live".
        token: sent as it is, without "Bearer", as with the rest of the API.
        meeting_id: the room.
        participant_id: who publishes; it is told at the end again, which takes the participant out.
        name: shown to the others.
    """
    query = {"roomId": meeting_id, "participantId": participant_id, "displayName": name}
    base = api_url.rstrip("/")
    return WhipTarget(
        url=f"{base}{PATH}?{urlencode(query)}",
        what="VideoSDK's WHIP API",
        authorization=token,
        secrets=(token,),
        # The documentation says that Location holds the session's id; it may be the id alone.
        sessions=base + SESSIONS,
        session_query=(("participantId", participant_id),),
        # mediasoup, which VideoSDK runs, numbers the encodings of a producer from the lowest.
        lowest_first=True,
    )
