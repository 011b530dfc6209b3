"""From names to the websocket, one step after the other."""

from __future__ import annotations

import asyncio
import time

from edgemeet.doctor.checks.token import claims_findings
from edgemeet.doctor.findings import Finding, Outcome, failed, skipped, well, wrong
from edgemeet.doctor.journey import Journey, Unreached
from edgemeet.doctor.machine import Machine
from edgemeet.errors import AuthError, EdgemeetError, MeetingUnavailable, NetworkError
from edgemeet.provisioning import Rooms
from edgemeet.signaling.address import websocket_url
from edgemeet.signaling.handshake import open_websocket

NETWORK_HINT = "is the cable or the Wi-Fi there? `ip route` must show a default route"
ADDRESS_HINT = "check the address, and whether that server runs"
TOKEN_HINT = "check the token's claims where it is made: docs/provisioning.md"  # noqa: S105 - a hint
SERVER_HINT = "the other side answers wrongly: ask who runs it"
SHORT = 120.0  # seconds; less is not enough for a slow join and its repetition
_NORMAL = 1000  # RFC 6455, 7.4.1


def _failed(error: EdgemeetError, otherwise: str) -> Finding:
    if error.code == "network.refused":
        otherwise = ADDRESS_HINT
    elif isinstance(error, NetworkError):
        otherwise = NETWORK_HINT
    return failed(error, otherwise)


async def dns(_: Machine, journey: Journey) -> Finding:
    """The names of VideoSDK's API and of the provisioning server are known."""
    hosts = ", ".join(journey.hosts())
    try:
        await journey.names()
    except (OSError, TimeoutError):
        return wrong(
            Outcome.ERROR,
            "network.dns",
            f"no address is found for one of these names: {hosts}",
            "`resolvectl query NAME` shows more; is the network there, and its DNS server?",
        )
    return well(f"known: {hosts}")


async def api(_: Machine, journey: Journey) -> Finding:
    """VideoSDK's API, or the WHIP endpoint, answers HTTP, whatever it says."""
    began = time.monotonic()
    try:
        await journey.api()
    except EdgemeetError as error:
        return _failed(error, SERVER_HINT)
    return well(f"answers after {1000 * (time.monotonic() - began):.0f} ms")


async def provisioning(machine: Machine, journey: Journey) -> tuple[Finding, ...]:
    """A token can be had, and it is one to join with."""
    try:
        token = (await journey.grant()).token
    except EdgemeetError as error:
        return (_failed(error, TOKEN_HINT),)
    try:
        meeting_id = await journey.meeting_id()
    except Unreached:
        meeting_id = None
    found = claims_findings(
        token.claims,
        meeting_id,
        journey.known_participant_id,
        joins=journey.settings.meeting.source != "create",
    )
    left = token.seconds_left(machine.wall_clock())
    if journey.settings.meeting.source != "create" and left < SHORT:
        found += (
            wrong(
                Outcome.WARNING,
                "auth.token_short",
                f"the token ends in {left:.0f} s, which may be too little to join",
                f"make tokens that last at least {SHORT:.0f} s",
            ),
        )
    return found or (
        well("a token came and " + ("does not end" if token.expires_at is None else f"ends in {left:.0f} s")),
    )


async def rooms(_: Machine, journey: Journey) -> Finding:
    """The meeting is there."""
    token, meeting_id = await journey.token(), await journey.meeting_id()
    try:
        asked = Rooms(journey.client, journey.settings.meeting.api_url, journey.timeout)
        room = await asked.validate(token, meeting_id)
    except AuthError as error:
        if "rtc" in token.claims.roles:
            return skipped(f"the token is for joining only ({error.code})")
        return failed(error, TOKEN_HINT)
    except MeetingUnavailable as error:
        return failed(error, "correct meeting.id, or make the meeting: docs/configuration.md")
    except EdgemeetError as error:
        return _failed(error, SERVER_HINT)
    if room.disabled:
        return wrong(
            Outcome.ERROR,
            "meeting.disabled",
            f"the meeting {meeting_id} is disabled",
            "enable it in VideoSDK's dashboard, or join another",
        )
    return well(f"{meeting_id} is there")


async def signaling(_: Machine, journey: Journey) -> Finding:
    """The websocket opens. Nobody joins: the device, if it is in the meeting, stays."""
    token, meeting_id = await journey.token(), await journey.meeting_id()
    try:
        init = await journey.init_config()
        socket = await open_websocket(
            websocket_url(
                init.signaling_url,
                meeting_id=meeting_id,
                participant_id=journey.visitor,
                token=token.reveal(),
                mode="SEND_AND_RECV",
            ),
            timeout=journey.timeout,
            max_size=2**20,
            hide=(token.reveal(),),
            tls=journey.tls,
        )
    except AuthError as error:
        if error.code == "auth.wrong_participant":
            return well("answers; the token is bound to this device, so that nobody else may enter")
        return failed(error, TOKEN_HINT)
    except EdgemeetError as error:
        return _failed(error, SERVER_HINT)
    try:
        async with asyncio.timeout(1.0):
            await socket.close(_NORMAL)
    except TimeoutError:
        socket.transport.abort()
    return well("the websocket opens")
