"""A participant of the meeting asks the device over pubsub, through the sandbox."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from edgemeet.signaling import JoinOptions, Meeting, MeetingEvent, MessageReceived, fetch_init_config

if TYPE_CHECKING:
    from tests.operator.conftest import Device, Tools

pytestmark = [pytest.mark.operator, pytest.mark.timeout(240)]

ROOM = "abcd-efgh-ijkl"


class Host:
    """Another participant."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self.heard: list[dict[str, Any]] = []
        self.meeting: Meeting | None = None

    def on_event(self, event: MeetingEvent) -> None:
        if isinstance(event, MessageReceived):
            self.heard.append(json.loads(event.text))

    async def join(self, url: str, name: str) -> None:
        async with httpx.AsyncClient() as client:
            token = (await client.get(f"{url}/get-token")).json()["token"]
            init = await fetch_init_config(client, api_url=url, token=token, meeting_id=ROOM)
        options = JoinOptions(
            meeting_id=ROOM,
            participant_id=name,
            name=name,
            token=token,
            preferred_protocol="UDP_ONLY",
            entry_timeout=30,
        )
        self.meeting = await Meeting.join(init, options, on_event=self.on_event)
        await self.meeting.subscribe("edgemeet/front-door/reply")

    async def ask(self, text: str) -> None:
        assert self.meeting is not None
        await self.meeting.publish("edgemeet/front-door/cmd", text)

    async def answer(self, **wanted: object) -> dict[str, Any]:
        async def so() -> dict[str, Any] | None:
            return next((one for one in self.heard if wanted.items() <= one.items()), None)

        found: dict[str, Any] = await self._tools.eventually(so, f"{wanted} among {self.heard}")
        return found


async def test_hands_in_the_meeting(device: Device, tools: Tools) -> None:
    program = await device.run('[remote]\nparticipants = "host-1, host-2"')
    joins = (await device.sends()).joins
    host, stranger = Host(tools), Host(tools)
    await host.join(device.url, "host-1")
    await stranger.join(device.url, "guest")
    try:
        await stranger.ask("mute")
        await host.ask('{"id": "1", "command": "status"}')
        assert (await host.answer(id="1", ok=True))["data"]["microphone"] == "ON"
        await host.ask("snapshot")
        picture = await host.answer(command="snapshot", ok=True)
        assert base64.b64decode(picture["data"]["jpeg"]).startswith(b"\xff\xd8")
        await host.ask("mute")
        await host.answer(command="mute", ok=True)
        await device.sees(lambda s: {p.kind for p in s.producers} == {"video"}, "the picture alone")
        await host.ask("rejoin")
        await host.answer(command="rejoin", ok=True)
        await device.sees(lambda s: s.state == "joined" and s.joins == joins + 1, "another join")
        await host.ask('{"id": "2", "command": "status"}')
        await host.answer(id="2", ok=True)
        assert stranger.heard == []
        assert "'guest' may not tell this device" in program.log
    finally:
        for one in (host, stranger):
            if one.meeting is not None:
                await one.meeting.leave()
