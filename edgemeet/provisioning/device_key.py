"""The private key of a device. It is made here and never leaves the device."""

from __future__ import annotations

from typing import Literal, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from edgemeet.provisioning.public_key import PublicKey, to_base64url

KeyType = Literal["ed25519", "es256"]


class DeviceKey:
    """An Ed25519 key, or a P-256 one for signatures by ES256. ``repr`` shows the public part alone."""

    def __init__(self, private: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> None:
        self._private = private
        self.public = _public(private)

    def __repr__(self) -> str:
        return f"DeviceKey({self.public.algorithm}, {self.public.thumbprint})"

    @classmethod
    def generate(cls, kind: KeyType = "ed25519") -> Self:
        """A new key from the kernel's randomness."""
        if kind == "ed25519":
            return cls(ed25519.Ed25519PrivateKey.generate())
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def from_pem(cls, text: str) -> Self:
        """Read a key. Raises ValueError, which quotes nothing of it, for any other text or kind of key."""
        try:
            private = load_pem_private_key(text.encode("ascii"), password=None)
        except (ValueError, TypeError, UnicodeError):
            raise ValueError("no private key in PEM without a password") from None
        if isinstance(private, ed25519.Ed25519PrivateKey):
            return cls(private)
        if isinstance(private, ec.EllipticCurvePrivateKey) and isinstance(private.curve, ec.SECP256R1):
            return cls(private)
        raise ValueError("a key of another kind than Ed25519 or P-256")

    def to_pem(self) -> str:
        """The private key in clear (PKCS #8), for the file that keeps it and for nothing else."""
        return self._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")

    def sign(self, claims: dict[str, str | int]) -> str:
        """A JWT with these claims; its ``kid`` is the key's thumbprint."""
        return jwt.encode(
            claims, self._private, algorithm=self.public.algorithm, headers={"kid": self.public.thumbprint}
        )


def _public(private: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> PublicKey:
    public = private.public_key()
    if isinstance(public, ed25519.Ed25519PublicKey):
        raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return PublicKey(kty="OKP", crv="Ed25519", x=to_base64url(raw))
    numbers = public.public_numbers()
    x, y = (to_base64url(number.to_bytes(32, "big")) for number in (numbers.x, numbers.y))
    return PublicKey(kty="EC", crv="P-256", x=x, y=y)
