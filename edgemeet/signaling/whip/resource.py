"""One WHIP resource, from the offer that makes it to its end. Used once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import httpx

from edgemeet import rest
from edgemeet.errors import EdgemeetError, ProtocolMismatch, ServerError
from edgemeet.signaling.initconfig import IceServer
from edgemeet.signaling.whip.faults import SDP, not_sdp, refused
from edgemeet.signaling.whip.links import ice_servers

logger = logging.getLogger(__name__)

FRAGMENT: Final = "application/trickle-ice-sdpfrag"
CLOSE_TIMEOUT: Final = 1.5  # seconds; leaving all in all has five
_KEEPS_METHOD: Final = frozenset({307, 308})
_REDIRECTS: Final = frozenset({301, 302, 303, *_KEEPS_METHOD})


@dataclass(frozen=True, slots=True)
class WhipTarget:
    """Where to publish, and how to show who does. The URL may hold secrets: only its origin is ever shown.

    Attributes:
        url: the endpoint.
        what: the other side's name for messages.
        authorization: the value of the header, if there is one.
        secrets: what is to be taken out of everything the other side says.
        sessions: what a Location that is a bare id is appended to; None resolves it as a URL.
        session_query: added to the resource's URL where it has none of these.
        lowest_first: the order in which it numbers the layers of an offer.
    """

    url: str = field(repr=False)
    what: str = "the WHIP server"
    authorization: str | None = field(default=None, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    sessions: str | None = None
    session_query: tuple[tuple[str, str], ...] = ()
    lowest_first: bool = False


class WhipResource:
    """A resource that exists at the server. Made by `open`, always to be closed by its owner.

    Attributes:
        answer: the SDP answer; holds the server's ICE password.
        ice_servers: those that the server named.
    """

    def __init__(
        self, client: httpx.AsyncClient, target: WhipTarget, url: httpx.URL, response: httpx.Response
    ) -> None:
        self._client = client
        self._target = target
        self._url = url
        # Whoever answers must not choose where the credentials go next.
        self._authorized = rest.origin(url) == rest.origin(response.request.url) and (
            "authorization" in response.request.headers
        )
        self._etag = response.headers.get("etag")
        patches = response.headers.get("accept-patch", "").lower()
        self._trickles = FRAGMENT in patches or self._etag is not None
        self.answer = ""
        self.ice_servers: tuple[IceServer, ...] = ice_servers(response.headers.get("link", ""))

    @property
    def trickles(self) -> bool:
        """Whether the server takes candidates that are found late (RFC 9725, 4.3)."""
        return self._trickles

    @classmethod
    async def open(
        cls, client: httpx.AsyncClient, target: WhipTarget, offer: str, *, timeout: float
    ) -> WhipResource:
        """Send the offer and read the answer.

        Args:
            client: see `rest.new_client`.
            target: where to.
            offer: the SDP offer.
            timeout: seconds, redirections included.

        Raises:
            AuthError, MeetingUnavailable, ServerError, RateLimited: refused; see `refusals`.
            ProtocolMismatch: ``whip.method_not_allowed``, ``whip.refused``, ``whip.not_sdp``,
                ``whip.no_location``: the other side speaks no WHIP, or not to this offer.
            ServerError: ``whip.not_sdp`` for a web page, ``whip.redirected``.
            NetworkError, ClockError, ConfigError: see `rest.exchange`.
        """
        deadline = asyncio.get_running_loop().time() + timeout
        response, content = await _post(client, target, offer, deadline=deadline)
        where = f"{target.what} at {rest.origin(response.request.url)}"
        rest.check_status(response, where)
        if not response.is_success:
            raise refused(response, content, where, target.secrets)
        url = _resource_url(target, response)
        resource = None if url is None else cls(client, target, url, response)
        fault = not_sdp(response, content, where)
        if fault is not None:
            if resource is not None:
                await resource.close()
            raise fault
        if resource is None:
            raise ProtocolMismatch(
                f"{where} took the offer and named no resource: the Location of its answer is missing or no "
                "http or https URL",
                code="whip.no_location",
                hint="Without it the session could not be ended. A proxy may have removed the header.",
            )
        resource.answer = content.decode("utf-8", "replace")
        return resource

    async def trickle(self, fragment: str, *, timeout: float) -> None:
        """Tell candidates that were found late, if the server takes them. Never raises."""
        if not self._trickles:
            return
        headers = {"Content-Type": FRAGMENT} | ({"If-Match": self._etag} if self._etag else {})
        try:
            response = await self._send("PATCH", headers, content=fragment.encode(), timeout=timeout)
        except EdgemeetError as error:
            logger.info("late ICE candidates could not be told: %s", error.message)
            return
        if not response.is_success:
            # RFC 9725, 4.3: 405 and 501 from who takes none, 412 and 428 for another ETag.
            self._trickles = False
            logger.info("%s takes no late ICE candidates (%d)", self._target.what, response.status_code)

    async def answers(self, timeout: float) -> bool:
        """Whether the server answers at all within `timeout` seconds, whatever it says. Never raises."""
        try:
            # A method that changes nothing, and needs no credentials to be answered.
            await rest.send(
                self._client, "OPTIONS", self._url, what=self._target.what, timeout=timeout, redirects=False
            )
        except EdgemeetError:
            return False
        return True

    async def close(self, *, timeout: float = CLOSE_TIMEOUT) -> None:
        """End the session, within `timeout` seconds. Never raises: the server notices in the end anyway."""
        try:
            response = await self._send("DELETE", {}, timeout=timeout)
        except EdgemeetError as error:
            logger.info("the WHIP session could not be ended in order: %s", error.message)
            return
        if not response.is_success and response.status_code not in {404, 410}:
            logger.info(
                "the WHIP session could not be ended in order: %s answers %d",
                self._target.what,
                response.status_code,
            )

    async def _send(
        self, method: str, headers: Mapping[str, str], *, timeout: float, content: bytes | None = None
    ) -> httpx.Response:
        authorization = self._target.authorization if self._authorized else None
        response, _ = await rest.send(
            self._client,
            method,
            self._url,
            what=self._target.what,
            timeout=timeout,
            headers={**headers, **({"Authorization": authorization} if authorization else {})},
            content=content,
            redirects=False,
        )
        return response


async def _post(
    client: httpx.AsyncClient, target: WhipTarget, offer: str, *, deadline: float
) -> tuple[httpx.Response, bytes]:
    """Post the offer, and again where a 307 or 308 says; the credentials go to the first origin only."""
    url, authorization = httpx.URL(target.url), target.authorization
    for _ in range(rest.MAX_REDIRECTS + 1):
        headers = {"Content-Type": SDP, "Accept": SDP}
        if authorization:
            headers["Authorization"] = authorization
        response, content = await rest.send(
            client,
            "POST",
            url,
            what=target.what,
            timeout=max(0.1, deadline - asyncio.get_running_loop().time()),
            headers=headers,
            content=offer.encode(),
            redirects=False,
        )
        if response.status_code not in _REDIRECTS:
            return response, content
        url, authorization = _redirected(target, url, response, authorization)
    raise ServerError(f"{target.what} at {rest.origin(url)} redirects in circles", code="whip.redirected")


def _redirected(
    target: WhipTarget, url: httpx.URL, response: httpx.Response, authorization: str | None
) -> tuple[httpx.URL, str | None]:
    where = f"{target.what} at {rest.origin(url)}"
    new = _join(url, response.headers.get("location", ""))
    if response.status_code not in _KEEPS_METHOD or new is None:
        to = "nowhere" if new is None else rest.origin(new)
        raise ServerError(
            f"{where} redirects to {to} ({response.status_code})",
            code="whip.redirected",
            hint="Configure the new address if it is the right one; else a captive portal is in the way.",
        )
    if (url.scheme, new.scheme) == ("https", "http"):
        raise ServerError(f"{where} redirects to plain http", code="whip.redirected")
    return new, authorization if rest.origin(new) == rest.origin(url) else None


def _resource_url(target: WhipTarget, response: httpx.Response) -> httpx.URL | None:
    location = response.headers.get("location", "").strip()
    if not location:
        return None
    if target.sessions is not None and "/" not in location and ":" not in location:
        url = _join(httpx.URL(target.sessions), location)
    else:
        url = _join(response.request.url, location)
    missing = {key: value for key, value in target.session_query if url and key not in url.params}
    return url.copy_merge_params(missing) if url is not None and missing else url


def _join(base: httpx.URL, location: str) -> httpx.URL | None:
    try:
        url = base.join(location) if location else None
    except (httpx.InvalidURL, UnicodeError, ValueError):
        return None
    return url if url is not None and url.scheme in {"http", "https"} and url.host else None
