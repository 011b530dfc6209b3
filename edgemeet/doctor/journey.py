"""The way to the meeting, step by step, each taken once for all checks that need it."""

from __future__ import annotations

import asyncio
import dataclasses
import secrets
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar, cast
from urllib.parse import urlsplit

import httpx

from edgemeet.config import Settings
from edgemeet.config.values import is_url_safe
from edgemeet.daemon.build import provisioning_options
from edgemeet.doctor.machine import Machine
from edgemeet.errors import EdgemeetError
from edgemeet.provisioning import Grant, Token, token_source
from edgemeet.rest import Reply, exchange, new_client, trusting
from edgemeet.signaling import InitConfig, fetch_init_config

T = TypeVar("T")

STEP_TIMEOUT = 3.0  # seconds; four steps follow each other
_PARTICIPANT_ID_FILE = "participant-id"


class Unreached(Exception):
    """A step that this one builds on was not reached; it is told by a check of its own."""


class Journey:
    """Takes each step at most once. Methods raise what the step raised, or Unreached for an earlier one.

    Nothing is left behind: no participant, no room and no file is made.
    """

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._steps: dict[str, asyncio.Task[object]] = {}
        self._client: httpx.AsyncClient | None = None
        self.visitor = f"doctor-{secrets.token_hex(4)}"
        """Who opens the websocket: not the device itself, whose running session would be ended."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._steps.values():
            task.cancel()
        if self._steps:
            await asyncio.wait(self._steps.values())
            for task in self._steps.values():
                if not task.cancelled():
                    task.exception()  # told by a check
        if self._client is not None:
            await self._client.aclose()

    @property
    def settings(self) -> Settings:
        """The configuration. Raises Unreached."""
        if self.machine.settings is None:
            raise Unreached("needs a configuration that can be used")
        return self.machine.settings

    @property
    def client(self) -> httpx.AsyncClient:
        """For all requests. Raises ConfigError, Unreached."""
        if self._client is None:
            self._client = new_client(ca_file=self.settings.provisioning.ca_file)
        return self._client

    @property
    def tls(self) -> ssl.SSLContext:
        """For the websocket. Raises ConfigError, Unreached."""
        return trusting(self.settings.provisioning.ca_file)

    @property
    def timeout(self) -> float:
        """Seconds for one exchange."""
        return min(self.settings.provisioning.timeout, STEP_TIMEOUT)

    @property
    def known_participant_id(self) -> str | None:
        """Who the device is; None before its first start. An id made here would belong to the wrong user."""
        chosen = self.settings.meeting.participant_id
        if chosen is None and self.machine.daemon is not None:
            chosen = self.machine.daemon.meeting.participant_id
        if chosen is None:
            chosen = _kept(self.settings.state_directory / _PARTICIPANT_ID_FILE)
        return chosen

    @property
    def endpoint(self) -> str | None:
        """Where media goes over WHIP without VideoSDK, a secret; None for a meeting of VideoSDK's."""
        endpoint = self.settings.whip.endpoint
        over_whip = self.settings.meeting.protocol == "whip" and endpoint is not None
        return endpoint.get_secret_value() if over_whip and endpoint is not None else None

    def hosts(self) -> tuple[str, ...]:
        """The names that must be known: of VideoSDK's API and of the provisioning server."""
        urls: tuple[str | None, ...] = (self.settings.meeting.api_url, self.settings.provisioning.url)
        if (endpoint := self.endpoint) is not None:
            urls = (endpoint,)
        return tuple(dict.fromkeys(host for url in urls if url and (host := urlsplit(url).hostname)))

    async def names(self) -> None:
        """Look the hosts up. Raises OSError of the first that is not known."""
        await self._once("names", self._names)

    async def api(self) -> Reply:
        """VideoSDK's API, or the WHIP endpoint, answers anything at all."""
        return await self._once("api", self._api)

    async def grant(self) -> Grant:
        """A token for the meeting, and what came with it."""
        return await self._once("grant", self._grant)

    async def meeting_id(self) -> str:
        """The meeting that would be joined. Raises Unreached where it is made only at a join."""
        meeting = self.settings.meeting
        if meeting.source == "fixed" and meeting.id:
            return meeting.id
        if meeting.source == "create":
            daemon = self.machine.daemon
            found = meeting.custom_id or (daemon.meeting.id if daemon else None)
            if found is None:
                raise Unreached("the meeting is made when the device joins: there is none yet")
            return found
        named = (await self._before(self.grant)).meeting_id
        if named is None:
            raise Unreached("the provisioning server names no meeting")
        return named

    async def token(self) -> Token:
        """The token, for the steps behind it. Raises Unreached."""
        return (await self._before(self.grant)).token

    async def init_config(self) -> InitConfig:
        """Where the meeting is, from VideoSDK's API."""
        return await self._once("init_config", self._init_config)

    async def known_init_config(self) -> InitConfig:
        """The same, for the steps behind it. Raises Unreached."""
        return await self._before(self.init_config)

    async def _before(self, step: Callable[[], Awaitable[T]]) -> T:
        try:
            return await step()
        except EdgemeetError as error:
            raise Unreached(f"not tried, because of: {error.code}") from None

    async def _once(self, name: str, step: Callable[[], Awaitable[T]]) -> T:
        task = self._steps.get(name)
        if task is None:

            async def take() -> object:
                return await step()

            task = self._steps[name] = asyncio.create_task(take())
        # A check that is given up must not end the step for the others.
        return await asyncio.shield(cast("asyncio.Task[T]", task))

    async def _names(self) -> None:
        for host in self.hosts():
            async with asyncio.timeout(STEP_TIMEOUT):
                await self.machine.resolve(host)

    async def _api(self) -> Reply:
        if (endpoint := self.endpoint) is not None:
            return await exchange(
                self.client, "OPTIONS", endpoint, what="the WHIP endpoint", timeout=self.timeout
            )
        # Refused without a token, in JSON; a page that answers everything shows itself.
        address = f"{self.settings.meeting.api_url.rstrip('/')}/v2/rooms"
        return await exchange(self.client, "GET", address, what="VideoSDK's API", timeout=self.timeout)

    async def _grant(self) -> Grant:
        settings = self.settings
        if self.endpoint is not None:
            raise Unreached("media goes to whip.endpoint, which takes no token of VideoSDK's")
        options = dataclasses.replace(provisioning_options(settings), timeout=self.timeout)
        source = token_source(options, self.client, wall_clock=self.machine.wall_clock)
        if settings.meeting.source == "create":
            return Grant(
                await source.fetch_for_rooms(participant_id=self.known_participant_id or self.visitor)
            )
        known = settings.meeting.id if settings.meeting.source == "fixed" else None
        return await source.fetch(meeting_id=known, participant_id=self.known_participant_id or self.visitor)

    async def _init_config(self) -> InitConfig:
        return await fetch_init_config(
            self.client,
            api_url=self.settings.meeting.api_url,
            token=(await self.token()).reveal(),
            meeting_id=await self.meeting_id(),
            timeout=self.timeout,
        )


def _kept(file: Path) -> str | None:
    try:
        text = file.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return None
    return text if is_url_safe(text) else None
