from __future__ import annotations

import pytest

ID = '[meeting]\nid = "a-b-c"\n'
TOKEN = '[provisioning]\ntoken = "x"\n'

BROKEN = [
    (
        ID + TOKEN + "[whip]\nendpoint = 'https://x/whip'",
        ['FILE: meeting.protocol: must be "whip" or "auto" for the table whip to be used, not "native"'],
    ),
    (
        ID + "protocol = 'whip'\n" + TOKEN + "[whip]\nbearer = 'b'",
        [
            "FILE: whip.endpoint: is missing: whip.bearer goes with it; VideoSDK's WHIP takes the meeting's "
            "token"
        ],
    ),
    (
        ID + "protocol = 'auto'\n[whip]\nendpoint = 'https://x/whip'",
        [
            "FILE: provisioning: a way to get a token is missing: give url, token, token_file, or api_key "
            "with api_secret"
        ],
    ),
    (
        "[meeting]\nsource = 'fixed'\n" + TOKEN,
        ['FILE: meeting.id: is missing: meeting.source "fixed" needs the id of the meeting'],
    ),
    (
        "[meeting]\nsource = 'provisioned'\n",
        [
            'FILE: provisioning.url: is missing: meeting.source "provisioned" needs the address of the '
            "server that names the meeting"
        ],
    ),
    (
        "[meeting]\nsource = 'create'\n",
        [
            "FILE: provisioning: a way to get a token is missing: give url, token, token_file, or api_key "
            "with api_secret"
        ],
    ),
    (
        ID + TOKEN + "url = 'https://x'",
        [
            "FILE: provisioning.token: there must be one way to get a token, not 2: provisioning.url and "
            "provisioning.token"
        ],
    ),
    (
        ID + TOKEN + "url = 'https://x'\ntoken_file = '/t'\napi_key = 'k'\napi_secret = 's'",
        [
            "FILE: provisioning.api_key: there must be one way to get a token, not 4: provisioning.url and "
            "provisioning.token and provisioning.token_file and provisioning.api_key"
        ],
    ),
    (
        ID + "[provisioning]\napi_key = 'k'",
        ["FILE: provisioning.api_secret: is missing: it goes with provisioning.api_key"],
    ),
    (
        ID + "[provisioning]\napi_secret = 's'",
        ["FILE: provisioning.api_key: is missing: it goes with provisioning.api_secret"],
    ),
    (
        ID + TOKEN + "auth = 'bearer'",
        ['FILE: provisioning.bearer: is missing: provisioning.auth "bearer" needs the secret to send'],
    ),
    (
        ID + TOKEN + "bearer = 'b'",
        ['FILE: provisioning.auth: must be "bearer" for provisioning.bearer to be sent, not "none"'],
    ),
    (
        '[meeting]\nid = "a-b-c"\nmultistream = true\n' + TOKEN + "[camera]\nformat = 'h264'",
        [
            'FILE: camera.format: "h264" is sent as the camera makes it: camera.codec must be "h264", '
            "meeting.multistream false"
        ],
    ),
    (
        ID + TOKEN + "[camera]\nsource = 'v4l2'\ncontrols = { AfMode = 'Auto' }",
        ['FILE: camera.controls: is libcamera\'s and needs camera.source "picamera2", not "v4l2"'],
    ),
    (
        ID + TOKEN + "[camera]\nsource = 'file'",
        ['FILE: camera.device: is missing: camera.source "file" needs the path of a film'],
    ),
    (
        ID + TOKEN + "[microphone]\nsource = 'file'",
        ['FILE: microphone.device: must be the path of a sound file when microphone.source is "file"'],
    ),
    (
        ID + TOKEN + "[camera]\nencoder = 'vpx'",
        ['FILE: camera.encoder: "vpx" encodes vp8, but camera.codec is "h264": "auto" fits both'],
    ),
    *(
        (
            ID + TOKEN + f"[camera]\nencoder = '{encoder}'\ncodec = 'vp8'",
            [f'FILE: camera.encoder: "{encoder}" encodes h264, but camera.codec is "vp8": "auto" fits both'],
        )
        for encoder in ("x264", "v4l2m2m", "picamera2")
    ),
    (
        ID + TOKEN + "[camera]\nencoder = 'picamera2'\nsource = 'v4l2'",
        ['FILE: camera.encoder: "picamera2" needs camera.source "picamera2", not "v4l2"'],
    ),
    (
        ID + "[provisioning]\nurl = 'https://x'\nauth = 'mtls'",
        [
            "FILE: provisioning.client_cert: "
            'is missing: provisioning.auth "mtls" needs the certificate to show'
        ],
    ),
    (
        ID + TOKEN + "auth = 'identity'",
        [
            "FILE: provisioning.url: "
            'is missing: provisioning.auth "identity" needs the server that the device is enrolled with'
        ],
    ),
    (
        ID + TOKEN + "[mqtt]\npassword = 'p'",
        ["FILE: mqtt.username: is missing: it goes with mqtt.password"],
    ),
]


@pytest.mark.parametrize(("text", "lines"), BROKEN, ids=[lines[0] for _, lines in BROKEN])
def test_what_does_not_go_together_is_told(faults, text, lines):
    assert faults(text) == lines


@pytest.mark.parametrize(
    "text",
    [
        # A WHIP server of one's own needs neither a meeting nor a token.
        "[meeting]\nprotocol = 'whip'\n[whip]\nendpoint = 'https://x/whip'\nbearer = 'b'",
        ID + "protocol = 'whip'\n" + TOKEN,
        ID + "protocol = 'auto'\n" + TOKEN + "[whip]\nendpoint = 'https://x/whip'",
        ID + TOKEN,
        ID + "[provisioning]\ntoken_file = '/t'",
        ID + "[provisioning]\napi_key = 'k'\napi_secret = 's'",
        ID + "[provisioning]\nurl = 'https://x'\nauth = 'bearer'\nbearer = 'b'",
        ID + "[provisioning]\nurl = 'https://x'\nauth = 'identity'",
        ID + "[provisioning]\nurl = 'https://x'\nauth = 'mtls'\nclient_cert = '/c'",
        "[meeting]\nsource = 'create'\n" + TOKEN,
        "[meeting]\nsource = 'create'\ncustom_id = 'lab'\n" + TOKEN,
        "[meeting]\nsource = 'provisioned'\n[provisioning]\nurl = 'https://x'",
        ID + TOKEN + "[camera]\nencoder = 'vpx'\ncodec = 'vp8'",
        ID + TOKEN + "[camera]\nencoder = 'picamera2'",
        ID
        + TOKEN
        + "[camera]\nsource = 'file'\ndevice = '/f.mp4'\n[microphone]\nsource = 'file'\ndevice = '/f'",
    ],
)
def test_what_goes_together_is_good(faults, text):
    assert faults(text) == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        # The rule "a token is missing" would be noise beside each of these.
        (ID + "[provisioning]\ntoken = 5", "FILE: provisioning.token: must be a text in quotes"),
        (
            ID + "[provisioning]\ntokn = 'x'",
            "FILE: provisioning.tokn: there is no such key; did you mean provisioning.token?",
        ),
        (
            ID + "[provisoning]\nbearer = 'x'\n" + TOKEN + "auth = 'bearer'",
            "FILE: provisoning.bearer: there is no such key; did you mean provisioning.bearer?",
        ),
        (
            "provisioning = 5\n" + ID,
            "FILE: provisioning: must be a table with keys of its own, such as provisioning.url",
        ),
        (
            "[meeting]\nid = 'a b'\n" + TOKEN,
            'FILE: meeting.id: must be a meeting id such as "abcd-efgh-ijkl": 1 to 128 letters, digits and '
            "the signs - . _ ~",
        ),
    ],
)
def test_a_fault_is_not_followed_by_what_follows_from_it(faults, text, line):
    assert faults(text) == [line]


def test_a_rule_names_the_source_where_the_key_stands(faults):
    assert faults(ID + "[provisioning]\nurl = 'https://x'", {"EDGEMEET_PROVISIONING__TOKEN": "t"}) == [
        "EDGEMEET_PROVISIONING__TOKEN: provisioning.token: there must be one way to get a token, not 2: "
        "provisioning.url and provisioning.token"
    ]
