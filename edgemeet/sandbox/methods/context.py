"""What every handler of a request is given, and how requests are read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from pydantic import JsonValue, ValidationError

from edgemeet.ortc.parameters import WireModel
from edgemeet.sandbox.peer import Peer
from edgemeet.sandbox.refusal import Refused
from edgemeet.sandbox.room import Room
from edgemeet.sandbox.tokens import TokenIssuer

Json = dict[str, JsonValue]
Model = TypeVar("Model", bound=WireModel)


@dataclass(frozen=True, slots=True)
class Context:
    """The participant that asks, and where it is."""

    room: Room
    peer: Peer
    issuer: TokenIssuer

    def require_joined(self) -> None:
        """Refuse what only a participant that is in may ask for."""
        if not self.peer.joined:
            raise Refused(403, "join first")

    def require_moderator(self) -> None:
        """Refuse what only a host may ask for."""
        self.require_joined()
        if not self.peer.claims.may_moderate:
            raise Refused(403, "this needs a token with allow_mod")

    def other(self, peer_id: str) -> Peer:
        """A participant that is in."""
        peer = self.room.peers.get(peer_id)
        if peer is None or not peer.joined:
            raise Refused(404, "there is no such participant")
        return peer


Handler = Callable[[Context, Json], Awaitable[Json]]


def read(model: type[Model], data: Json) -> Model:
    """The request's data, checked. What is wrong is named, what was sent is not repeated."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "data"
        raise Refused(400, f"{where}: {first['msg']}") from None
