"""What others in the meeting say to this device: hosts turn devices off and on, and participants ask."""

from __future__ import annotations

import logging
from typing import Protocol

from edgemeet.encoded import Kind
from edgemeet.signaling import Meeting, MeetingEvent, MessageReceived, MuteRequested, UnmuteRequested
from edgemeet.supervisor.device import Device
from edgemeet.supervisor.device_health import SUBJECTS
from edgemeet.supervisor.switch import Hand

logger = logging.getLogger(__name__)


class Attendant(Protocol):
    """Answers participants: what `edgemeet.telemetry.remote_hands.RemoteHands` is to this room."""

    def message(self, topic: str, sender: str, text: str) -> None:
        """A message came; returns at once."""

    async def attend(self, meeting: Meeting) -> None:
        """Answer until cancelled. Raises SignalingLost when the meeting is over."""


class MeetingEvents:
    """Does what the events of a meeting ask for.

    Args:
        devices: the camera and the microphone.
        allow_unmute: whether a host may turn them on; off they may always turn them.
        attendant: is given the messages, if anybody may ask.
    """

    def __init__(
        self, devices: tuple[Device, ...], *, allow_unmute: bool, attendant: Attendant | None
    ) -> None:
        self._devices = devices
        self._allow_unmute = allow_unmute
        self._attendant = attendant

    def take(self, event: MeetingEvent) -> None:
        """Something happened; returns at once."""
        match event:
            case MuteRequested(kind=kind):
                self._obey_host(kind, on=False)
            case UnmuteRequested(kind=kind):
                self._obey_host(kind, on=True)
            case MessageReceived(topic, sender, text) if self._attendant is not None:
                self._attendant.message(topic, sender, text)
            case _:
                pass

    def _obey_host(self, kind: Kind, *, on: bool) -> None:
        thing, word = SUBJECTS[kind], "on" if on else "off"
        if on and not self._allow_unmute:
            logger.info("a host asked to turn the %s on; meeting.allow_remote_unmute is false", thing)
            return
        for device in self._devices:
            if device.kind != kind:
                continue
            if device.switch(on=on, by=Hand.HOST):
                logger.info("a host turned the %s %s", thing, word)
            else:
                logger.info("a host asked to turn the %s on, which an operator turned off", thing)
