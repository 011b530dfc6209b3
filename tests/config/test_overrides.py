"""Settings that a provisioning server may set, and those it must not."""

from __future__ import annotations

import pytest

from edgemeet.config import Settings
from edgemeet.config.keys import dotted, keys
from edgemeet.config.overrides import ALLOWED, with_overrides
from edgemeet.errors import ConfigError

OWN = Settings.model_validate(
    {
        "meeting": {"id": "abcd", "metadata": {"floor": 1}},
        "provisioning": {"url": "https://example.com", "auth": "bearer", "bearer": "hush"},
        "camera": {"width": 640},
        "control": {"socket": "/tmp/c.sock"},
        "runtime_directory": "/tmp/r",
    }
)


def test_the_allowed_ones_take_the_place_of_the_devices_own():
    changed = with_overrides(
        OWN, {"camera": {"fps": 10}, "meeting": {"mic": False}, "log": {"level": "debug"}}
    )
    assert (changed.camera.fps, changed.camera.width, changed.meeting.mic) == (10, 640, False)
    assert (changed.meeting.id, changed.log.level) == ("abcd", "debug")
    assert changed.provisioning == OWN.provisioning
    assert changed.control == OWN.control


def test_none_is_none():
    assert with_overrides(OWN, {}) == OWN


def test_each_allowed_key_is_one():
    assert {dotted(path) for path in keys()} >= ALLOWED
    for key in ALLOWED:
        assert not keys()[tuple(key.split("."))].secret


DENIED = sorted({dotted(path) for path in keys()} - ALLOWED)


@pytest.mark.parametrize("key", DENIED)
def test_every_other_key_is_refused(key):
    table, _, name = key.partition(".")
    with pytest.raises(ConfigError) as caught:
        with_overrides(OWN, {table: {name or "x": "y"}})
    assert caught.value.code == "config.override"
    assert "must not set" in caught.value.message


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"camera": {"fps": 900}}, "camera.fps must be from 1 to 60"),
        ({"camera": {"fps": "10"}}, "without quotes"),
        ({"camera": {"width": 641}}, "camera.width"),
        ({"camera": {"codec": "av1"}}, "camera.codec"),
        ({"camera": {"fps": None}}, "camera.fps"),
        ({"nonsense": {"a": 1}}, "must not set nonsense.a"),
        ({"camera": {"a" * 60: 1}}, "a name of 60 characters"),
    ],
    ids=str,
)
def test_a_wrong_value_changes_nothing(overrides, words):
    with pytest.raises(ConfigError) as caught:
        with_overrides(OWN, {"log": {"level": "debug"}} | overrides)
    assert words in caught.value.message
    assert "hush" not in str(caught.value)


def test_what_does_not_go_with_the_devices_own():
    own = OWN.model_copy(update={"camera": OWN.camera.model_copy(update={"encoder": "x264"})})
    with pytest.raises(ConfigError, match=r"camera\.encoder"):
        with_overrides(own, {"camera": {"codec": "vp8"}})
