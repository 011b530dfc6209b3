"""What a WHIP server answers in place of an SDP answer, as edgemeet's errors. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Final

import httpx

from edgemeet.errors import EdgemeetError, ProtocolMismatch, ServerError
from edgemeet.refusals import from_reply, quotable

SDP: Final = "application/sdp"
_PAGES: Final = frozenset({"text/html", "application/xhtml+xml"})
_NOT_WHIP: Final = "Is the address that of a WHIP endpoint, and not of its page or of a viewer (WHEP)?"


def refused(response: httpx.Response, content: bytes, where: str, hide: Collection[str]) -> EdgemeetError:
    """For a status that is no success, below 500 and not 429."""
    status = response.status_code
    if status == 405:
        return ProtocolMismatch(
            f"{where} takes no offers ({status})", code="whip.method_not_allowed", hint=_NOT_WHIP
        )
    body = _body(content)
    error = from_reply(status, body, what=where, hide=hide)
    if error.code != "server.refused" or status not in {400, 406, 415, 422}:
        return error
    said = quotable(str(body.get("message") or body.get("error") or ""), hide=hide)
    return ProtocolMismatch(
        f"{where} refuses the offer ({status})" + (f" and says: {said}" if said else ""), code="whip.refused"
    )


def not_sdp(response: httpx.Response, content: bytes, where: str) -> EdgemeetError | None:
    """For a success whose body is no session description; None where it is one."""
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    start = content.lstrip()
    if kind in _PAGES or start.startswith(b"<"):
        return ServerError(
            f"{where} answered with a web page instead of an SDP answer",
            code="whip.not_sdp",
            hint="Either the address is wrong, or a captive portal stands between this device and the "
            "internet: log in to the network once.",
        )
    if kind == SDP or (not kind and start.startswith(b"v=0")):
        return None
    return ProtocolMismatch(
        f"{where} answered with something that is not {SDP} ({len(content)} bytes)",
        code="whip.not_sdp",
        hint=_NOT_WHIP,
    )


def _body(content: bytes) -> dict[str, object]:
    """What was said: a JSON object, or a plain text as its message."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict):
        return value
    # Some servers call a plain word text/html.
    return {} if content.lstrip().startswith(b"<") else {"message": content[:2000].decode("utf-8", "replace")}
