"""ICE servers in the Link header (RFC 9725, 4.6). Pure."""

from __future__ import annotations

import re
from typing import Final

from pydantic import SecretStr, ValidationError

from edgemeet.signaling.initconfig import IceServer

MAX_ICE_SERVERS: Final = 32  # a handful is usual; each one costs gathering time

_PARAMETER: Final = r'\s*;\s*[\w-]+\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^;,\s"]*)'
_LINK: Final = re.compile(rf"<([^<>]*)>((?:{_PARAMETER})*)")
_NAMED: Final = re.compile(r';\s*([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;,\s"]*))')


def ice_servers(header: str) -> tuple[IceServer, ...]:
    """The servers with rel="ice-server" in the values of Link, joined by commas; what is odd is left out."""
    found: list[IceServer] = []
    for link in _LINK.finditer(header):
        parameters = {
            named[1].lower(): re.sub(r"\\(.)", r"\1", named[2]) if named[2] is not None else named[3]
            for named in _NAMED.finditer(link[2])
        }
        if "ice-server" not in parameters.get("rel", "").split():
            continue
        credential = parameters.get("credential")
        try:
            server = IceServer(
                urls=(link[1],),
                username=parameters.get("username"),
                credential=SecretStr(credential) if credential else None,
            )
        except ValidationError:
            continue
        found.append(server)
    return tuple(found)[:MAX_ICE_SERVERS]
