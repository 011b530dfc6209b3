from __future__ import annotations

import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from edgemeet.config import (
    Camera,
    Control,
    Log,
    Meeting,
    Microphone,
    Provisioning,
    Settings,
    json_schema,
    load,
    show,
)
from edgemeet.config.keys import keys
from edgemeet.config.showing import toml_value

# What a settings text may hold: no control characters, and not blank.
LINES = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=30).filter(
    str.strip
)
IDS = st.from_regex(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,20}", fullmatch=True)
PATHS = st.lists(LINES.filter(lambda name: "/" not in name), max_size=3).map(lambda names: Path("/", *names))
SOCKETS = PATHS.filter(lambda path: len(str(path).encode()) <= 90)
URLS = st.sampled_from(["https://example.com/get-token", "http://127.0.0.1:9000", "http://[::1]/x?a=%22b%22"])
PIXELS = st.integers(32, 960).map(lambda half: 2 * half)
JSON = st.recursive(
    st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
METADATA = st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), JSON, max_size=4)

MEETINGS = st.builds(
    Meeting,
    source=st.sampled_from(["fixed", "create"]),
    id=IDS,
    custom_id=st.none() | IDS,
    participant_id=st.none() | IDS,
    name=LINES,
    mic=st.booleans(),
    multistream=st.booleans(),
    metadata=METADATA,
    preferred_protocol=st.sampled_from(["UDP_ONLY", "UDP_OVER_TCP", "TCP_ONLY"]),
    entry_timeout=st.floats(1, 86400),
    api_url=URLS.filter(lambda url: "?" not in url),
)
PROVISIONINGS = st.builds(
    Provisioning,
    url=URLS,
    method=st.sampled_from(["GET", "POST"]),
    timeout=st.floats(0.1, 120),
    ca_file=st.none() | PATHS,
    token_ttl=st.floats(120, 2592000),
)
CAMERAS = st.builds(
    Camera,
    source=st.sampled_from(["auto", "picamera2", "v4l2", "test"]),
    device=st.none() | LINES,
    width=PIXELS,
    height=PIXELS,
    fps=st.integers(1, 60),
    codec=st.sampled_from(["h264", "vp8"]),
    format=st.sampled_from(["auto", "mjpeg", "yuyv"]),
    rotation=st.sampled_from([0, 180]),
    hflip=st.booleans(),
    max_bitrate=st.none() | st.integers(50_000, 20_000_000),
)
MICROPHONES = st.builds(
    Microphone,
    source=st.sampled_from(["auto", "alsa", "tone"]),
    device=LINES,
    bitrate=st.integers(6000, 510_000),
    gain_db=st.floats(-40, 40),
    tone_hz=st.floats(20, 19_999),
)
SETTINGS = st.builds(
    Settings,
    meeting=MEETINGS,
    provisioning=PROVISIONINGS,
    camera=CAMERAS,
    microphone=MICROPHONES,
    control=st.just(Control()) | st.builds(Control, socket=SOCKETS, group=st.none() | st.just("video")),
    log=st.builds(Log, level=st.sampled_from(["debug", "info"]), format=st.sampled_from(["auto", "json"])),
    state_directory=PATHS,
    runtime_directory=SOCKETS,
)


@hypothesis_settings(max_examples=60, deadline=None)
@given(SETTINGS)
def test_what_is_shown_loads_as_the_same_settings(settings):
    with TemporaryDirectory() as directory:
        file = Path(directory, "edgemeet.toml")
        file.write_text(show(settings), encoding="utf-8")
        assert load(file, environ={}) == settings


@hypothesis_settings(max_examples=150, deadline=None)
@given(JSON)
def test_toml_values_are_read_back_as_they_were(value):
    back = tomllib.loads(f"a = {toml_value(value)}")["a"]
    assert back == value
    assert repr(back) == repr(value)  # 1 is not 1.0, and 0.0 not -0.0


def test_toml_has_no_null():
    with pytest.raises(TypeError, match="NoneType"):
        toml_value(None)


def test_all_keys_with_a_value_are_shown_and_no_others(read, needed):
    settings = read(needed)
    shown = tomllib.loads(show(settings))
    for key in keys().values():
        value: object = shown
        for name in key.path:
            value = value.get(name) if isinstance(value, dict) else None
        has_value = key.default is not None or key.dotted in {"meeting.id", "provisioning.url"}
        assert (value is not None) == has_value, key.dotted


def test_secrets_are_shown_as_stars(read):
    settings = read('[meeting]\nid = "a-b-c"\n[provisioning]\napi_key = "AAAA"\napi_secret = "BBBB"\n')
    assert 'api_key = "**********"\napi_secret = "**********"\n' in show(settings)


def test_the_schema_is_closed_and_knows_every_key():
    schema = json_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["additionalProperties"] is False
    for key in keys().values():
        properties = schema["properties"]
        if len(key.path) > 1:
            definition = properties[key.path[0]]["$ref"].rpartition("/")[2]
            assert schema["$defs"][definition]["additionalProperties"] is False
            properties = schema["$defs"][definition]["properties"]
        assert properties[key.path[-1]]["description"] == key.description
        if key.secret:
            assert "writeOnly" in str(properties[key.path[-1]])
