from __future__ import annotations

import pytest

from edgemeet.config.keys import keys


@pytest.mark.parametrize("text", ["true", "yes", "on", "1", "TRUE", " On "])
def test_truth(read, needed, text):
    assert read(needed, {"EDGEMEET_MEETING__MULTISTREAM": text}).meeting.multistream is True


@pytest.mark.parametrize("text", ["false", "no", "off", "0", "False"])
def test_untruth(read, needed, text):
    assert read(needed, {"EDGEMEET_MEETING__MIC": text}).meeting.mic is False


def test_numbers_and_texts(read, needed):
    settings = read(
        needed,
        {
            "EDGEMEET_CAMERA__WIDTH": " 640 ",
            "EDGEMEET_MICROPHONE__GAIN_DB": "-1.5",
            "EDGEMEET_MEETING__NAME": "5",
            "EDGEMEET_CAMERA__MAX_BITRATE": "100000",
            "EDGEMEET_STATE_DIRECTORY": "/s",
        },
    )
    assert settings.camera.width == 640
    assert settings.microphone.gain_db == -1.5
    assert settings.meeting.name == "5"
    assert settings.camera.max_bitrate == 100_000
    assert str(settings.state_directory) == "/s"


def test_metadata_is_an_object_and_its_entries_win(read, needed):
    settings = read(
        needed + "[meeting.metadata]\nroom = 'lab'\nfloor = 1\n",
        {
            "EDGEMEET_MEETING__METADATA": '{"floor": 2, "doors": ["a", "b"]}',
            "EDGEMEET_MEETING__METADATA__FLOOR": "3",
            "EDGEMEET_MEETING__METADATA__NOTE": "third door",
        },
    )
    assert settings.meeting.metadata == {
        "room": "lab",
        "floor": 3,
        "doors": ["a", "b"],
        "note": "third door",
    }


@pytest.mark.parametrize(
    ("variable", "text", "problem"),
    [
        ("EDGEMEET_CAMERA__FPS", "many", "camera.fps: must be a whole number"),
        ("EDGEMEET_CAMERA__FPS", "9" * 5000, "camera.fps: must be a whole number"),
        ("EDGEMEET_CAMERA__FPS", "", "camera.fps: must be a whole number"),
        ("EDGEMEET_MEETING__MIC", "maybe", "meeting.mic: must be true or false"),
        (
            "EDGEMEET_MEETING__ENTRY_TIMEOUT",
            "inf",
            "meeting.entry_timeout: must be a finite number, not inf or nan",
        ),
        ("EDGEMEET_MEETING__NAME", "", "meeting.name: must not be empty"),
        ("EDGEMEET_MEETING__NAME", "a\udcff", "meeting.name: must be valid UTF-8"),
        ("EDGEMEET_STATE_DIRECTORY", "/a\udcff", "state_directory: must be valid UTF-8"),
        ("EDGEMEET_MEETING__METADATA__X", "a\udcff", "meeting.metadata.x: must be valid UTF-8"),
        ("EDGEMEET_MEETING__METADATA", "[1]", 'meeting.metadata: must be a JSON object such as {"floor": 3}'),
        ("EDGEMEET_MEETING__METADATA", "{", 'meeting.metadata: must be a JSON object such as {"floor": 3}'),
        (
            "EDGEMEET_MEETING__METADATA",
            "[" * 9999,
            'meeting.metadata: must be a JSON object such as {"floor": 3}',
        ),
        (
            "EDGEMEET_MEETING__METADATA__X",
            "null",
            "meeting.metadata.x: must not hold null: leave the key out",
        ),
        ("EDGEMEET_CAMERA", "x", "camera: must be a table with keys of its own, such as camera.source"),
        ("EDGEMEET_CAMERA_WIDTH", "5", "camera_width: there is no such key; did you mean camera.width?"),
        ("EDGEMEET_CAMERA__WIDHT", "5", "camera.widht: there is no such key; did you mean camera.width?"),
        ("EDGEMEET_CAMERA__WIDTH__X", "5", "camera.width.x: there is no such key"),
        ("EDGEMEET_", "x", "there is no such key"),
    ],
)
def test_faults_name_the_variable(faults, needed, variable, text, problem):
    assert faults(needed, {variable: text}) == [f"{variable}: {problem}"]


def test_variables_of_others_are_left_alone(faults, needed):
    others = {"EDGEMEET_CONFIG": "/x", "PATH": "/bin", "edgemeet_camera__fps": "x", "MEETING__NAME": ""}
    assert faults(needed, others) == []


def test_every_key_can_be_set_by_its_variable(read, needed):
    samples = {bool: "false", int: "640", float: "121.0", dict: '{"a": 1}'}
    for key in keys().values():
        if key.dotted in {"provisioning.token_file", "provisioning.bearer"} or key.dotted.startswith(
            ("provisioning.token", "provisioning.api")
        ):
            continue  # they do not go together with the url
        text = (
            key.choices[0]
            if key.choices
            else samples.get(key.type, "https://a" if "url" in key.dotted else "/a")
        )
        if key.least is not None and key.type in samples:
            text = f"{key.most if key.default == key.least else key.least:g}"
        if key.path[-1] in {
            "id",
            "custom_id",
            "participant_id",
            "group",
            "topic",
            "discovery_prefix",
            "participants",
        }:
            text = "abc"
        environ = {key.variable: text}
        if key.dotted == "mqtt.password":
            environ["EDGEMEET_MQTT__USERNAME"] = "abc"
        if key.path[0] == "whip":
            environ = {
                "EDGEMEET_MEETING__PROTOCOL": "whip",
                "EDGEMEET_WHIP__ENDPOINT": "https://a",
                key.variable: "https://b" if key.path[-1] == "endpoint" else text,
            }
        settings: object = read(needed, environ)
        for name in key.path:
            settings = getattr(settings, name)
        assert settings is not None, key.dotted
        assert settings != key.default or key.choices or key.type is bool, key.dotted


def test_a_cameras_controls_come_from_files_and_variables(read, needed):
    settings = read(
        needed + "[camera.controls]\nAfMode = 'Manual'\nColourGains = [1.5, 2]\n",
        {
            "EDGEMEET_CAMERA__CONTROLS": '{"AeEnable": false}',
            "EDGEMEET_CAMERA__CONTROLS__EXPOSURETIME": "5000",
        },
    )
    assert settings.camera.controls == {
        "AfMode": "Manual",
        "ColourGains": [1.5, 2],
        "AeEnable": False,
        "exposuretime": 5000,
    }
