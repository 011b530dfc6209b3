"""One-time enrolment codes, such as ``K7QM-2R9D``."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

from pydantic import SecretStr

# Crockford's alphabet: no I, L, O or U, which are misread. Eight of these are 40 bits.
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH: Final = 8
_MISREAD: Final = str.maketrans({"I": "1", "L": "1", "O": "0", "-": None, " ": None})


def new_code() -> str:
    """A code to give to a person."""
    signs = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    return f"{signs[:4]}-{signs[4:]}"


def digest_of(code: str, secret: SecretStr) -> str:
    """What the database keeps of a code: without ``secret`` it cannot be searched for.

    Dashes, spaces, case and signs that are commonly misread make no difference.
    """
    plain = code.upper().translate(_MISREAD)
    key = hashlib.sha256(b"edgemeet enrolment codes\0" + secret.get_secret_value().encode()).digest()
    return hmac.new(key, plain.encode(), hashlib.sha256).hexdigest()
