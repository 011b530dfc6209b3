"""Hands in the meeting: participants who may ask and tell the device over VideoSDK's pubsub. Off by default.

A message at `edgemeet/<participant id>/cmd` is a command's name, or JSON like
`{"id": "7", "command": "status"}`. The answer goes to `.../reply`, to who asked and nobody else.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from PIL import Image
from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from edgemeet.control import Command, Status
from edgemeet.errors import DeviceError, EdgemeetError, SignalingLost
from edgemeet.telemetry.home_assistant import summary

logger = logging.getLogger(__name__)

WAITING: Final = 8  # commands that are not answered yet; more are dropped
PAUSE: Final = 0.5  # seconds between two answers: nobody makes the device talk all the time
LARGEST_QUESTION: Final = 512  # characters
# Characters of base64. What VideoSDK takes in a message is not published; the sandbox takes 16,000 in all.
LARGEST_PICTURE: Final = 12_000
_SIZES: Final = ((480, 60), (320, 60), (320, 35), (240, 30), (160, 30))  # pixels of width, quality

Asked = Literal["status", "snapshot", "mute", "rejoin"]


class Door(Protocol):
    """The daemon, as far as people in the meeting have to do with it."""

    def status(self) -> Status:
        """How things stand."""

    async def snapshot(self) -> bytes:
        """The camera's next picture as a JPEG. Raises DeviceError."""

    def command(self, command: Command) -> None:
        """Begin to carry out `command`; returns at once."""


class PubSub(Protocol):
    """A joined meeting, as far as messages go."""

    async def subscribe(self, topic: str) -> None:
        """Get a topic's messages from now on."""

    async def publish(self, topic: str, message: str, *, to: tuple[str, ...] = ()) -> None:
        """Send a message to a topic, to these participants alone if any are named."""


class Question(BaseModel):
    """What is asked."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str | int | None = None
    command: Asked


class Answer(BaseModel):
    """What is answered, as JSON text."""

    model_config = ConfigDict(frozen=True)

    schema_version: Literal[1] = 1
    id: str | int | None
    command: str
    ok: bool
    data: JsonValue = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class _Waiting:
    sender: str
    text: str


def question_of(text: str) -> Question | None:
    """A question, or None for something else. Pure."""
    if len(text) > LARGEST_QUESTION:
        return None
    try:
        return (
            Question.model_validate_json(text)
            if text.startswith("{")
            else Question.model_validate({"command": text})
        )
    except ValidationError:
        return None


def small_picture(jpeg: bytes) -> str:
    """A JPEG that fits into a message, as base64: as large as may be.

    Raises:
        DeviceError: it cannot be made so small (snapshot.failed).
    """
    with Image.open(io.BytesIO(jpeg)) as picture:
        for width, quality in _SIZES:
            made = io.BytesIO()
            small = picture.convert("RGB")
            small.thumbnail((width, width))
            small.save(made, "JPEG", quality=quality, optimize=True)
            text = base64.b64encode(made.getvalue()).decode()
            if len(text) <= LARGEST_PICTURE:
                return text
    raise DeviceError("the picture does not fit into a message", code="snapshot.failed")


class RemoteHands:
    """Answers allowed participants, in one meeting after the other.

    Args:
        participant_id: this device's own.
        allowed: the participants who may.
        door: the daemon.
    """

    def __init__(self, participant_id: str, allowed: frozenset[str], door: Callable[[], Door]) -> None:
        self._topic = f"edgemeet/{participant_id}"
        self._allowed = allowed
        self._door = door
        self._waiting: deque[_Waiting] = deque()
        self._came = asyncio.Event()
        self._refused: set[str] = set()

    def message(self, topic: str, sender: str, text: str) -> None:
        """A message came in the meeting; returns at once."""
        if topic != f"{self._topic}/cmd":
            return
        if sender not in self._allowed:
            level = logging.DEBUG if sender in self._refused else logging.WARNING
            if len(self._refused) < 100:
                self._refused.add(sender)
            logger.log(level, "the participant %r may not tell this device anything", sender[:64])
            return
        if len(self._waiting) < WAITING:
            self._waiting.append(_Waiting(sender, text))
            self._came.set()

    async def attend(self, meeting: PubSub) -> None:
        """Answer in `meeting` until cancelled, or for ever nothing where it has no pubsub.

        Raises:
            SignalingLost: the meeting is over.
        """
        self._waiting.clear()
        try:
            await meeting.subscribe(f"{self._topic}/cmd")
        except SignalingLost:
            raise
        except EdgemeetError as error:
            logger.warning("nobody in the meeting can tell this device anything: %s", error.message)
            return
        while True:
            while not self._waiting:
                self._came.clear()
                await self._came.wait()
            await self._answer(meeting, self._waiting.popleft())
            await asyncio.sleep(PAUSE)

    async def _answer(self, meeting: PubSub, waiting: _Waiting) -> None:
        question = question_of(waiting.text)
        if question is None:
            answer = Answer(id=None, command="", ok=False, error="known are: status, snapshot, mute, rejoin")
        else:
            logger.info("told by the participant %s: %s", waiting.sender, question.command)
            answer = await self._ask(question)
        try:
            await meeting.publish(f"{self._topic}/reply", answer.model_dump_json(), to=(waiting.sender,))
        except SignalingLost:
            raise
        except EdgemeetError as error:
            logger.info("an answer was not taken: %s", error.message)
        if question is not None and question.command == "rejoin":
            self._door().command(Command.REJOIN)

    async def _ask(self, question: Question) -> Answer:
        door = self._door()
        data: JsonValue = None
        match question.command:
            case "status":
                data = json.loads(summary(door.status()).model_dump_json())
            case "snapshot":
                try:
                    data = {"jpeg": await asyncio.to_thread(small_picture, await door.snapshot())}
                except DeviceError as error:
                    return Answer(id=question.id, command="snapshot", ok=False, error=error.message)
            case "mute":
                door.command(Command.MUTE)
            case "rejoin":
                pass  # after the answer
        return Answer(id=question.id, command=question.command, ok=True, data=data)
