"""The kinds of values that settings are made of. Their complaints are in plain words and quote nothing."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, SecretStr
from pydantic_core import PydanticCustomError

# The type of all complaints made here; their text is shown to people as it is.
PLAIN = "plain"

# RFC 3986's unreserved characters: safe in a path and in a query. No dot comes first, so that "." and ".."
# never become a path.
_URL_SAFE = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,127}")
_GROUP = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}")
# Secrets travel in HTTP headers and in a query: visible ASCII only (RFC 9110, field values).
_VISIBLE = re.compile(r"[\x21-\x7e]+")
_TOPIC = re.compile(r"[A-Za-z0-9._~-]{1,64}(/[A-Za-z0-9._~-]{1,64}){0,7}")
_CONTROL_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# What Python makes of bytes in variables and paths that are no UTF-8; it can be neither written nor sent.
_SURROGATE = re.compile(r"[\ud800-\udfff]")

LONGEST_SECRET = 8192  # a JWT with all of VideoSDK's claims has about 500 characters
LONGEST_NAME = 120
LONGEST_SOCKET_PATH = 107  # bytes; sun_path in unix(7) has 108 with its end mark
DEEPEST_METADATA = 16
LONGEST_CONTROL = 64  # numbers; a rectangle has four, a colour matrix nine
LARGEST_METADATA = 8192  # bytes of JSON; it is sent to every participant
LARGEST_INTEGER = 2**53 - 1  # JavaScript reads larger ones wrong


def complaint(text: str) -> PydanticCustomError:
    """An error whose text is shown to people as it is; it must not quote the value."""
    return PydanticCustomError(PLAIN, "{text}", {"text": text})


def _url_safe(what: str, example: str) -> AfterValidator:
    def check(value: str) -> str:
        if not _URL_SAFE.fullmatch(value):
            raise complaint(
                f'must be {what} such as "{example}": 1 to 128 letters, digits and the signs - . _ ~'
            )
        return value

    return AfterValidator(check)


def _check_text(value: str) -> str:
    if not value.strip():
        raise complaint("must not be empty")
    if _SURROGATE.search(value):
        raise complaint("must be valid UTF-8")
    if _CONTROL.search(value):
        raise complaint("must be one line without control characters")
    return value


def _check_name(value: str) -> str:
    if len(value) > LONGEST_NAME:
        raise complaint(f"must have at most {LONGEST_NAME} characters, not {len(value)}")
    return _check_text(value)


def _check_url(value: str, *, path: str = "get-token", instead: str = "provisioning.bearer") -> str:
    wanted = f'must be an address such as "https://example.com/{path}"'
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise complaint(wanted) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or not _VISIBLE.fullmatch(value):
        raise complaint(wanted)
    if port == 0:
        raise complaint("must not have port 0")
    if "@" in parts.netloc:
        raise complaint(f"must not hold a user name or password: use {instead} for a secret")
    if parts.fragment:
        raise complaint("must not have a part after #")
    return value


def _check_base_url(value: str) -> str:
    if urlsplit(_check_url(value)).query:
        raise complaint("must not have a part after ?")
    return value.rstrip("/")


def _check_path(value: Path) -> Path:
    text = str(value)
    if _SURROGATE.search(text):
        raise complaint("must be valid UTF-8")
    if _CONTROL.search(text):
        raise complaint("must be a path without control characters")
    if not value.is_absolute():
        raise complaint("must be an absolute path, one that begins with /")
    return value


def _check_socket(value: Path) -> Path:
    if len(str(_check_path(value)).encode()) > LONGEST_SOCKET_PATH:
        raise complaint(f"must be a path of at most {LONGEST_SOCKET_PATH} bytes, as sockets demand")
    return value


def _check_secret(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not text:
        raise complaint("must not be empty")
    if len(text) > LONGEST_SECRET:
        raise complaint(f"must have at most {LONGEST_SECRET} characters")
    if not _VISIBLE.fullmatch(text):
        raise complaint("must be visible ASCII characters without spaces or line breaks")
    return value


def _check_secret_url(value: SecretStr) -> SecretStr:
    _check_url(_check_secret(value).get_secret_value(), path="whip", instead="whip.bearer")
    return value


def _check_group(value: str) -> str:
    if not _GROUP.fullmatch(value):
        raise complaint('must be the name of a group such as "edgemeet"')
    return value


def _check_participants(value: str) -> str:
    if not all(_URL_SAFE.fullmatch(one.strip()) for one in value.split(",")):
        raise complaint('must be participant ids with commas between, such as "host-1, host-2"')
    return value


def _check_topic(value: str) -> str:
    if not _TOPIC.fullmatch(value):
        raise complaint('must be a topic such as "site/floor-3": letters, digits and - . _ ~ between slashes')
    return value


def _check_even(value: int) -> int:
    if value % 2:
        raise complaint(f"must be even, not {value}: video is encoded in blocks of 2x2 pixels")
    return value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _check_json(value: JsonValue, depth: int = 0) -> None:
    """Refuse what TOML cannot write (null) and what JavaScript cannot read."""
    if depth > DEEPEST_METADATA:
        raise complaint(f"must not be nested more than {DEEPEST_METADATA} deep")
    match value:
        case None:
            raise complaint("must not hold null: leave the key out")
        case float() if not math.isfinite(value):
            raise complaint("must not hold inf or nan: JSON has neither")
        case int() if abs(value) > LARGEST_INTEGER:
            raise complaint("must not hold whole numbers beyond 2^53: JavaScript cannot read them")
        case list():
            for element in value:
                _check_json(element, depth + 1)
        case dict():
            for element in value.values():
                _check_json(element, depth + 1)


def _check_metadata(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    _check_json(value)
    try:
        size = len(json.dumps(value, ensure_ascii=False).encode())
    except UnicodeEncodeError:
        raise complaint("must be valid UTF-8") from None
    if size > LARGEST_METADATA:
        raise complaint(f"must have at most {LARGEST_METADATA} bytes as JSON, not {size}")
    return value


def _check_controls(value: object) -> object:
    """What libcamera's controls can take; which ones there are only the camera knows."""
    if not isinstance(value, dict):
        return value  # the type's own complaint is better
    for name, entry in value.items():
        if not _CONTROL_NAME.fullmatch(name):
            raise complaint('must have names of libcamera\'s controls such as "AfMode"')
        entries = entry if isinstance(entry, list) else [entry]
        kinds = (int, float) if isinstance(entry, list) else (bool, int, float, str)
        plain = all(isinstance(one, kinds) and (one is entry or not isinstance(one, bool)) for one in entries)
        if not plain or not 0 < len(entries) <= LONGEST_CONTROL:
            raise complaint("must hold numbers, true, false, names of choices, or lists of numbers")
        if any(isinstance(one, float) and not math.isfinite(one) for one in entries):
            raise complaint("must hold finite numbers, not inf or nan")
        if isinstance(entry, str):
            _check_text(entry)
    return value


def _check_rotation(value: int) -> int:
    if value not in {0, 180}:
        raise complaint(f"must be 0 or 180, not {value}: cameras do not turn pictures on their side")
    return value


# Three or more dash-separated groups as the rooms API makes them, or a custom id: both are URL-safe, and the
# first is a case of the second.
MeetingId = Annotated[str, _url_safe("a meeting id", "abcd-efgh-ijkl")]
CustomId = Annotated[str, _url_safe("a custom id", "front-door")]
ParticipantId = Annotated[str, _url_safe("a participant id", "camera-1")]
DisplayName = Annotated[str, AfterValidator(_check_name)]
Text = Annotated[str, AfterValidator(_check_text)]
Url = Annotated[str, AfterValidator(_check_url)]
BaseUrl = Annotated[str, AfterValidator(_check_base_url)]
AbsolutePath = Annotated[Path, AfterValidator(_check_path)]
SocketPath = Annotated[Path, AfterValidator(_check_socket)]
Secret = Annotated[SecretStr, AfterValidator(_check_secret)]
SecretUrl = Annotated[SecretStr, AfterValidator(_check_secret_url)]
ParticipantIds = Annotated[str, AfterValidator(_check_participants)]
Topic = Annotated[str, AfterValidator(_check_topic)]
Group = Annotated[str, AfterValidator(_check_group)]
Metadata = Annotated[dict[str, JsonValue], AfterValidator(_check_metadata)]
Controls = Annotated[
    dict[str, bool | int | float | str | list[int | float]], BeforeValidator(_check_controls)
]
AnyCase = BeforeValidator(_lower)

# Strict: TOML has types, so "yes" is no boolean and "1280" is no number. Text from the environment is turned
# into these before it is validated.
Flag = Annotated[bool, Field(strict=True)]
Integer = Annotated[int, Field(strict=True)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Rotation = Annotated[int, Field(strict=True, ge=0, le=180), AfterValidator(_check_rotation)]
Pixels = Annotated[int, Field(strict=True, ge=64, le=1920), AfterValidator(_check_even)]


def is_url_safe(value: str) -> bool:
    """True when `value` can be a meeting id, a custom id or a participant id."""
    return _URL_SAFE.fullmatch(value) is not None
