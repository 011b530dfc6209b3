"""The address of the websocket. It holds the token: it is built late, passed once, and never shown."""

from __future__ import annotations

from urllib.parse import urlencode


def websocket_url(signaling_url: str, *, meeting_id: str, participant_id: str, token: str, mode: str) -> str:
    """The URL to connect to. A secret as a whole: never log it, never put it into an error."""
    query = {
        "roomId": meeting_id,
        "peerId": participant_id,
        "secret": token,
        "mode": mode,
        "peerType": "normal",
    }
    return f"{signaling_url.rstrip('/')}/?{urlencode(query)}"
