"""A device's public key as a JSON Web Key (RFC 7517): what enrolment registers and a server verifies with."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Literal, Self

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey as EcPublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import BaseModel, ConfigDict, Field, model_validator

_COORDINATE = r"^[A-Za-z0-9_-]{43}$"  # 32 bytes in base64url without padding


class PublicKey(BaseModel):
    """An Ed25519 or a P-256 key. Any other member is refused: a private one must never be sent.

    The algorithm follows from the key, never from what a token says of itself.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    kty: Literal["OKP", "EC"]
    crv: Literal["Ed25519", "P-256"]
    x: str = Field(pattern=_COORDINATE)
    y: str | None = Field(default=None, pattern=_COORDINATE)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.kty, self.crv, self.y is not None) not in {
            ("OKP", "Ed25519", False),
            ("EC", "P-256", True),
        }:
            raise ValueError(
                'must be {"kty": "OKP", "crv": "Ed25519", x} or {"kty": "EC", "crv": "P-256", x, y}'
            )
        self.load()  # a point that is not on the curve raises ValueError
        return self

    @property
    def algorithm(self) -> Literal["EdDSA", "ES256"]:
        """The one JWS algorithm (RFC 7518, RFC 8037) that signatures of this key may have."""
        return "EdDSA" if self.kty == "OKP" else "ES256"

    @property
    def thumbprint(self) -> str:
        """RFC 7638: the same for the same key, whoever computes it."""
        members = {"crv": self.crv, "kty": self.kty, "x": self.x} | ({"y": self.y} if self.y else {})
        digest = hashlib.sha256(json.dumps(members, sort_keys=True, separators=(",", ":")).encode()).digest()
        return to_base64url(digest)

    def load(self) -> Ed25519PublicKey | EcPublicKey:
        """The key to verify with. Raises ValueError for one that cannot be."""
        x = from_base64url(self.x)
        if self.y is None:
            return Ed25519PublicKey.from_public_bytes(x)
        y = from_base64url(self.y)
        return EllipticCurvePublicNumbers(
            int.from_bytes(x, "big"), int.from_bytes(y, "big"), SECP256R1()
        ).public_key()


def to_base64url(data: bytes) -> str:
    """RFC 7515: the URL-safe alphabet, no padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def from_base64url(text: str) -> bytes:
    """The bytes. Raises ValueError."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
