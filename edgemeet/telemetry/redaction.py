"""Takes secrets out of text on its way to a log.

Two nets, one behind the other: secrets that were made known (`learn`) are replaced wherever they stand,
and whatever has the shape of a secret is replaced even if nobody made it known.
"""

from __future__ import annotations

import re
from urllib.parse import quote

MASK = "[redacted]"

# Shorter strings would tear holes into ordinary words ("a", "test").
SHORTEST_LEARNT = 6

_SHAPES = (
    # A JSON Web Token: three base64url parts, the first of which begins like {"
    re.compile(r"eyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*\.?[A-Za-z0-9_-]*"),
    # Values of query parameters and header fields that carry secrets
    re.compile(
        r"(?i)(?<=[?&;\s\"'])((?:secret|token|access_token|api_?secret|password|credential)=)[^\s&;\"']+"
    ),
    re.compile(r"(?i)(authorization['\"]?\s*[:=]\s*['\"]?(?:bearer\s+)?)[^\s'\",}]+"),
    # JSON and repr of the fields that hold secrets on VideoSDK's wire
    re.compile(r"(?i)(['\"](?:secret|token|password|credential|icePwd|jwt)['\"]\s*:\s*['\"])[^'\"]+"),
    # ICE passwords in SDP
    re.compile(r"(a=ice-pwd:)\S+"),
)


class Redactor:
    """Replaces secrets in text."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def learn(self, secret: str | None) -> None:
        """From now on `secret` is masked wherever it stands, also percent-encoded.

        Secrets shorter than 6 characters are not learnt; they would mask ordinary words.
        """
        if secret and len(secret) >= SHORTEST_LEARNT:
            self._known.add(secret)
            self._known.add(quote(secret, safe=""))

    def __call__(self, text: str) -> str:
        """The same text with every secret replaced by ``[redacted]``."""
        for secret in sorted(self._known, key=len, reverse=True):
            text = text.replace(secret, MASK)
        for shape in _SHAPES:
            text = shape.sub(lambda m: (m.group(1) if m.re.groups else "") + MASK, text)
        return text
