from __future__ import annotations

import pytest

MISTAKES = [
    # unknown keys and tables
    ("[camera]\nwidht = 1", "camera.widht: there is no such key; did you mean camera.width?"),
    ("[camera]\ntoken = 'x'", "camera.token: there is no such key; did you mean provisioning.token?"),
    ("[camera]\nqqqqqq = 1", "camera.qqqqqq: there is no such key"),
    ("[camra]\nwidth = 640", "camra.width: there is no such key; did you mean camera.width?"),
    ("[camra]", "camra: there is no such key; did you mean camera?"),
    ("[zzzz]\nyyyy = 1", "zzzz.yyyy: there is no such key"),
    ("[[camera]]\nwidth = 640", "camera: must be a table with keys of its own, such as camera.source"),
    ("camera = 5", "camera: must be a table with keys of its own, such as camera.source"),
    ("[camera.width]\npixels = 5", "camera.width: must be a whole number"),
    ("[log]\n'a.b c' = 1", "log.a.b c: there is no such key"),
    ("[log]\n'a\\nb' = 1", "log.a\\nb: there is no such key"),
    ('[log]\n"a\\nb" = 1', "log.(a name of 3 characters): there is no such key"),
    # types
    ("[camera]\nwidth = '640'", "camera.width: must be a whole number, without quotes"),
    ("[camera]\nwidth = 640.0", "camera.width: must be a whole number"),
    ("[camera]\nwidth = true", "camera.width: must be a whole number"),
    ("[meeting]\nmic = 'yes'", "meeting.mic: must be true or false, without quotes"),
    ("[meeting]\nmic = 1", "meeting.mic: must be true or false"),
    ("[meeting]\nname = 5", "meeting.name: must be a text in quotes"),
    ("[meeting]\nname = 2020-01-01", "meeting.name: must be a text in quotes"),
    ("[meeting]\nmetadata = 5", "meeting.metadata: must be a table"),
    # a camera
    (
        "[camera]\nrotation = 90",
        "camera.rotation: must be 0 or 180, not 90: cameras do not turn pictures on their side",
    ),
    ("[camera]\ncontrols = 5", "camera.controls: must be a table"),
    (
        "[camera.controls]\nX = [true]",
        "camera.controls.X: must hold numbers, true, false, names of choices, or lists of numbers",
    ),
    (
        "[camera.controls]\nX = []",
        "camera.controls.X: must hold numbers, true, false, names of choices, or lists of numbers",
    ),
    (
        "[camera.controls]\nX = {a = 1}",
        "camera.controls.X: must hold numbers, true, false, names of choices, or lists of numbers",
    ),
    ("[camera.controls]\nX = nan", "camera.controls.X: must hold finite numbers, not inf or nan"),
    (
        '[camera.controls]\n"a b" = 1',
        'camera.controls.a b: must have names of libcamera\'s controls such as "AfMode"',
    ),
    ("[meeting]\nentry_timeout = '5'", "meeting.entry_timeout: must be a number, without quotes"),
    ("[meeting]\nentry_timeout = inf", "meeting.entry_timeout: must be a finite number, not inf or nan"),
    ("[meeting]\nentry_timeout = nan", "meeting.entry_timeout: must be a finite number, not inf or nan"),
    ("state_directory = 5", "state_directory: must be a path in quotes"),
    # choices
    ("[camera]\ncodec = 'H264'", 'camera.codec: must be "h264" or "vp8"; did you mean "h264"?'),
    ("[camera]\ncodec = 'av1'", 'camera.codec: must be "h264" or "vp8"'),
    ("[camera]\ncodec = 5", 'camera.codec: must be "h264" or "vp8"'),
    (
        "[meeting]\npreferred_protocol = 'udp_only'",
        'meeting.preferred_protocol: must be "UDP_ONLY", "UDP_OVER_TCP" or "TCP_ONLY"; did you mean '
        '"UDP_ONLY"?',
    ),
    # ranges
    ("[camera]\nwidth = 62", "camera.width: must be from 64 to 1920"),
    ("[camera]\nheight = 1922", "camera.height: must be from 64 to 1920"),
    (
        "[camera]\nheight = 721",
        "camera.height: must be even, not 721: video is encoded in blocks of 2x2 pixels",
    ),
    ("[camera]\nfps = 0", "camera.fps: must be from 1 to 60"),
    ("[camera]\nfps = 61", "camera.fps: must be from 1 to 60"),
    ("[camera]\nfps = 99999999999999999999999999", "camera.fps: must be from 1 to 60"),
    ("[camera]\nmax_bitrate = 0", "camera.max_bitrate: must be from 50000 to 20000000"),
    ("[microphone]\nbitrate = 5999", "microphone.bitrate: must be from 6000 to 510000"),
    ("[microphone]\ngain_db = -41", "microphone.gain_db: must be from -40 to 40"),
    ("[provisioning]\ntimeout = 0", "provisioning.timeout: must be from 0.1 to 120"),
    # texts
    ("[meeting]\nname = ' '", "meeting.name: must not be empty"),
    ("[meeting]\nname = ''", "meeting.name: must not be empty"),
    ('[meeting]\nname = "a\\nb"', "meeting.name: must be one line without control characters"),
    (f"[meeting]\nname = '{'x' * 121}'", "meeting.name: must have at most 120 characters, not 121"),
    ("[microphone]\ndevice = ''", "microphone.device: must not be empty"),
    ("[control]\ngroup = 'a b'", 'control.group: must be the name of a group such as "edgemeet"'),
    # addresses
    *(
        (
            f"[meeting]\napi_url = '{url}'",
            'meeting.api_url: must be an address such as "https://example.com/get-token"',
        )
        for url in (
            "example.com",
            "ftp://example.com",
            "https://",
            "https://a b",
            "http://x:99999",
            "http://[",
        )
    ),
    ("[meeting]\napi_url = 'http://x:0'", "meeting.api_url: must not have port 0"),
    (
        "[meeting]\napi_url = 'https://me:pass@x'",
        "meeting.api_url: must not hold a user name or password: use provisioning.bearer for a secret",
    ),
    ("[meeting]\napi_url = 'https://x/#y'", "meeting.api_url: must not have a part after #"),
    ("[meeting]\napi_url = 'https://x/?y'", "meeting.api_url: must not have a part after ?"),
    # paths
    (
        "[provisioning]\nca_file = 'ca.pem'",
        "provisioning.ca_file: must be an absolute path, one that begins with /",
    ),
    (
        '[provisioning]\nca_file = "/a\\u0000b"',
        "provisioning.ca_file: must be a path without control characters",
    ),
    (
        f"[control]\nsocket = '/{'x' * 107}'",
        "control.socket: must be a path of at most 107 bytes, as sockets demand",
    ),
    (
        f"runtime_directory = '/{'x' * 100}'",
        "runtime_directory: must be a path of at most 107 bytes, as sockets demand",
    ),
    ("runtime_directory = 'run'", "runtime_directory: must be an absolute path, one that begins with /"),
    # metadata
    (
        "[meeting.metadata]\nday = 2020-01-01",
        "meeting.metadata.day: must be a text, a number, true, false, a list or a table; a date must be a "
        "text in quotes",
    ),
    ("[meeting.metadata]\nx = inf", "meeting.metadata.x: must not hold inf or nan: JSON has neither"),
    (
        "[meeting.metadata]\nx = [9007199254740992]",
        "meeting.metadata.x: must not hold whole numbers beyond 2^53: JavaScript cannot read them",
    ),
    (
        f"[meeting.metadata]\nx = {'[' * 17}{']' * 17}",
        "meeting.metadata.x: must not be nested more than 16 deep",
    ),
    (
        f"[meeting.metadata]\nx = '{'y' * 8200}'",
        "meeting.metadata.x: must have at most 8192 bytes as JSON, not 8209",
    ),
]


@pytest.mark.parametrize(("text", "line"), MISTAKES, ids=[line for _, line in MISTAKES])
def test_one_mistake_is_one_plain_line(faults, text, line):
    way = {"EDGEMEET_MEETING__ID": "a-b-c", "EDGEMEET_PROVISIONING__TOKEN": "x"}
    assert faults(text, way) == [f"FILE: {line}"]


@pytest.mark.parametrize("id_", ["abcd-efgh-ijkl", "abc-def-ghi-jkl", "front_door", "A.b~c", "x" * 128])
def test_good_meeting_ids(read, id_):
    settings = read(f"[meeting]\nid = '{id_}'\n[provisioning]\ntoken = 'x'")
    assert settings.meeting.id == id_


@pytest.mark.parametrize(
    "id_", ["a b-c-d", "abc/def", ".", "..", "ä-b-c", "x" * 129, "https://x/abcd", "a-b-c\\n", "a%20b"]
)
@pytest.mark.parametrize(
    ("key", "what", "example"),
    [
        ("id", "a meeting id", "abcd-efgh-ijkl"),
        ("custom_id", "a custom id", "front-door"),
        ("participant_id", "a participant id", "camera-1"),
    ],
)
def test_bad_ids(faults, id_, key, what, example):
    environ = {"EDGEMEET_PROVISIONING__TOKEN": "x"} | (
        {} if key == "id" else {"EDGEMEET_MEETING__ID": "a-b-c"}
    )
    assert faults(f'[meeting]\n{key} = "{id_}"', environ) == [
        f'FILE: meeting.{key}: must be {what} such as "{example}": 1 to 128 letters, digits and the '
        "signs - . _ ~"
    ]


def test_an_api_address_loses_its_slash_at_the_end(read, needed):
    settings = read(needed, {"EDGEMEET_MEETING__API_URL": "http://127.0.0.1:8089/"})
    assert settings.meeting.api_url == "http://127.0.0.1:8089"


def test_a_log_level_may_be_in_any_case(read, needed):
    assert read(needed + "[log]\nlevel = 'WARNING'").log.level == "warning"


def test_whole_numbers_are_numbers(read, needed):
    assert read(needed + "[microphone]\ngain_db = -6").microphone.gain_db == -6.0


def test_the_same_key_wrong_in_two_files_is_told_once_for_the_one_that_counts(faults, config_file, needed):
    drop_ins = config_file.with_suffix(".d")
    drop_ins.mkdir()
    (drop_ins / "a.toml").write_text("[camera]\nfps = 99\n")
    assert faults(needed + "[camera]\nfps = 0") == [
        f"{drop_ins / 'a.toml'}: camera.fps: must be from 1 to 60"
    ]


def test_keys_that_are_arguments_of_pydantic_settings_are_unknown(faults, needed):
    lines = faults('_env_file = "/etc/passwd"\n_secrets_dir = 3\n__pydantic_self__ = 1\nself = 2\n' + needed)
    assert [line.partition(";")[0] for line in lines] == [
        "FILE: _env_file: there is no such key",
        "FILE: _secrets_dir: there is no such key",
        "FILE: __pydantic_self__: there is no such key",
        "FILE: self: there is no such key",
    ]
