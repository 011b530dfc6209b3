"""Requests that must not get a token, each with the code that says why."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import jwt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgemeet.provision_server.assertion import check, claimed_device
from edgemeet.provision_server.refusal import Refused
from edgemeet.provisioning import DeviceKey

from .conftest import AUDIENCE, NOW, SECRET


@pytest.fixture
async def device(enrolled, registry, anna):
    device = await enrolled()
    registry.assign(anna, device.id, "abcd-efgh")
    return device


def bearer(text):
    return {"Authorization": f"Bearer {text}"}


async def refused(http, headers):
    reply = await http.get("/v1/token", headers=headers)
    assert "eyJ" not in reply.text
    return reply.status_code, reply.json()["code"]


def encoded(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


async def test_the_device_itself_gets_one(http, device):
    """Without this the others could not fail."""
    assert (await http.get("/v1/token", headers=device.header())).status_code == 200


async def test_forged_with_another_key(http, device):
    thief = DeviceKey.generate()
    assert await refused(http, bearer(thief.sign(device.claims()))) == (401, "identity.signature")


async def test_forged_with_a_changed_claim(http, device, enrolled):
    other = await enrolled(participant_id="door-2")
    head, _, signature = device.key.sign(device.claims()).split(".")
    body = encoded(device.claims(iss=other.id, sub=other.id))
    assert await refused(http, bearer(f"{head}.{body}.{signature}")) == (401, "identity.signature")


@pytest.mark.parametrize("spelling", ["none", "None", "NONE", ""])
async def test_unsigned(http, device, spelling):
    text = f"{encoded({'alg': spelling, 'typ': 'JWT'})}.{encoded(device.claims())}."
    status, code = await refused(http, bearer(text))
    assert (status, code) in {(401, "identity.algorithm"), (401, "identity.malformed")}


async def test_the_public_key_as_the_secret_of_a_mac(http, device):
    """The classic: a server that lets the token choose would verify with the public key's bytes."""
    signed = f"{encoded({'alg': 'HS256', 'typ': 'JWT'})}.{encoded(device.claims())}"
    for secret in (device.key.public.x.encode(), device.key.public.model_dump_json().encode()):
        mac = base64.urlsafe_b64encode(hmac.digest(secret, signed.encode(), hashlib.sha256)).rstrip(b"=")
        assert await refused(http, bearer(f"{signed}.{mac.decode()}")) == (401, "identity.algorithm")


async def test_an_algorithm_of_another_key(http, device):
    """The key decides: a valid ES256 signature of a stranger's key is no signature of an Ed25519 device."""
    stranger = DeviceKey.generate("es256")
    assert await refused(http, bearer(stranger.sign(device.claims()))) == (401, "identity.signature")


async def test_a_key_that_the_token_brings_along(http, device):
    thief = DeviceKey.generate()
    claims = device.claims()
    text = jwt.encode(
        claims,
        thief._private,
        algorithm="EdDSA",
        headers={"jwk": thief.public.model_dump(exclude_none=True), "jku": "https://thief.example.com"},
    )
    assert await refused(http, bearer(text)) == (401, "identity.signature")


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"exp": int(NOW) - 60, "iat": int(NOW) - 120}, "identity.clock"),
        ({"iat": int(NOW) + 600, "exp": int(NOW) + 660}, "identity.clock"),
        ({"exp": int(NOW) + 86_400}, "identity.lifetime"),
        ({"exp": int(NOW)}, "identity.lifetime"),
        ({"aud": "https://elsewhere.example.com"}, "identity.audience"),
        ({"aud": AUDIENCE + ".evil.example"}, "identity.audience"),
        ({"aud": [AUDIENCE]}, "identity.malformed"),
        ({"aud": None}, "identity.malformed"),
        ({"iss": "d-other"}, "identity.malformed"),
        ({"iss": None}, "identity.malformed"),
        ({"jti": None}, "identity.malformed"),
        ({"jti": "short"}, "identity.malformed"),
        ({"jti": "x" * 200}, "identity.malformed"),
        ({"jti": "nul\x00nul-nul"}, "identity.malformed"),
        ({"jti": 12345678}, "identity.malformed"),
        ({"exp": None}, "identity.malformed"),
        ({"iat": None}, "identity.malformed"),
        ({"exp": "soon"}, "identity.malformed"),
        ({"exp": float(NOW) + 60}, "identity.malformed"),
        ({"iat": -5}, "identity.malformed"),
        ({"exp": 10**30}, "identity.malformed"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else value,
)
async def test_signed_but_wrong(http, device, changed, code):
    assert await refused(http, device.header(**changed)) == (401, code)


@pytest.mark.parametrize("off", [-600, -31 - 60, 31, 600])
async def test_a_clock_that_is_off(http, device, off):
    device.off = off
    reply = await http.get("/v1/token", headers=device.header())
    assert (reply.status_code, reply.json()["code"]) == (401, "identity.clock")
    assert "clock" in reply.json()["message"]


@pytest.mark.parametrize("off", [-89, -10, 29])
async def test_a_clock_that_is_off_a_little(http, device, off):
    device.off = off
    assert (await http.get("/v1/token", headers=device.header())).status_code == 200


async def test_replayed(http, device):
    header = device.header()
    assert (await http.get("/v1/token", headers=header)).status_code == 200
    assert await refused(http, header) == (401, "identity.replayed")


async def test_replayed_at_another_worker(http, make_http, settings, device):
    header = device.header()
    await http.get("/v1/token", headers=header)
    async with make_http(settings) as other:
        assert await refused(other, header) == (401, "identity.replayed")


async def test_the_same_number_at_two_devices_is_no_replay(http, device, enrolled, registry, anna):
    other = await enrolled(participant_id="door-2")
    registry.assign(anna, other.id, "abcd-efgh")
    for one in (device, other):
        assert (await http.get("/v1/token", headers=one.header(jti="the-same-one"))).status_code == 200


async def test_a_proof_of_enrolment_is_no_assertion(http, device):
    proof = device.enrolment("ABCD-1234")["proof"]
    status, code = await refused(http, bearer(proof))
    assert (status, code) == (401, "identity.unknown_device")


async def test_an_unknown_device(http, new_device):
    stranger = new_device(id="d-0123456789abcdef")
    assert await refused(http, stranger.header()) == (401, "identity.unknown_device")


async def test_a_device_that_is_not_enrolled_yet(http, registry, anna, new_device):
    added = registry.add(anna, "Front door")
    assert await refused(http, new_device(id=added.id).header()) == (401, "identity.not_enrolled")


async def test_a_removed_device(http, registry, anna, device):
    registry.remove(anna, device.id)
    assert await refused(http, device.header()) == (401, "identity.unknown_device")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic YTpi"},
        bearer("x"),
        bearer("a.b.c"),
        bearer("eyJhbGciOiJFZERTQSJ9..x"),
        bearer("x" * 5000),
        bearer(f"{encoded({'alg': 'EdDSA'})}.{encoded([])}.x"),
        bearer(f"{encoded({'alg': 'EdDSA'})}.{encoded({'sub': ['d']})}.x"),
        bearer(f"{encoded({'alg': 'EdDSA'})}.{encoded({'sub': 'd' * 500})}.x"),
        bearer(f"{encoded({'alg': ['EdDSA']})}.{encoded({'sub': 'd'})}.x"),
    ],
    ids=range(13),
)
async def test_no_assertion_at_all(http, headers):
    status, code = await refused(http, headers)
    assert status == 401
    assert code in {"identity.missing", "identity.malformed", "identity.algorithm"}


async def test_an_oversized_body(http, device):
    reply = await http.post("/v1/token", headers=device.header(), content=b" " * 20_000)
    assert (reply.status_code, reply.json()["code"]) == (413, "request.too_large")


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"participantId": 7}', b"\xff\xfe", b"[" * 16_000])
async def test_a_body_that_is_no_request(http, device, body):
    reply = await http.post("/v1/token", headers=device.header(), content=body)
    assert (reply.status_code, reply.json()["code"]) == (422, "request.malformed")


async def test_guessing_is_slow_but_a_wrong_clock_is_no_guess(make_http, settings, device, new_device):
    stranger = new_device(id="d-0123456789abcdef")
    async with make_http(settings.model_copy(update={"failures_per_minute": 3})) as http:
        for _ in range(10):
            device.off = -600
            assert (await refused(http, device.header()))[1] == "identity.clock"
        device.off = 0
        assert (await http.get("/v1/token", headers=device.header())).status_code == 200
        codes = [(await refused(http, stranger.header()))[1] for _ in range(5)]
    assert codes == ["identity.unknown_device"] * 3 + ["server.rate_limited"] * 2


async def test_a_device_that_asks_too_often(make_http, settings, device, clock):
    async with make_http(settings.model_copy(update={"requests_per_minute": 4})) as http:
        replies = []
        for _ in range(6):
            replies.append(await http.get("/v1/token", headers=device.header()))
            clock.now += 1
        assert [reply.status_code for reply in replies] == [200] * 4 + [429] * 2
        wait = int(replies[-1].headers["retry-after"])
        clock.now += wait
        assert (await http.get("/v1/token", headers=device.header())).status_code == 200


async def test_too_much_at_once(make_http, settings, device):
    async with make_http(settings.model_copy(update={"max_in_flight": 0})) as http:
        reply = await http.get("/v1/token", headers=device.header())
    assert (reply.status_code, reply.json()["code"]) == (503, "server.overloaded")
    assert 5 <= int(reply.headers["retry-after"]) <= 30


async def test_another_participant(http, device):
    for method in ("GET", "POST"):
        said = {"params" if method == "GET" else "json": {"participantId": "door-2"}}
        reply = await http.request(method, "/v1/token", headers=device.header(), **said)
        assert (reply.status_code, reply.json()["code"]) == (403, "identity.participant")


async def test_another_meeting_and_another_purpose(http, device):
    reply = await http.get("/v1/token?meetingId=other", headers=device.header())
    assert (reply.status_code, reply.json()["code"]) == (403, "identity.meeting")
    reply = await http.get("/v1/token?purpose=create-meeting", headers=device.header())
    assert (reply.status_code, reply.json()["code"]) == (403, "identity.purpose")


async def test_a_refusal_repeats_nothing_secret(http, device):
    header = device.header(aud="https://elsewhere.example.com")
    reply = await http.get("/v1/token", headers=header)
    assert header["Authorization"].split(".")[1] not in reply.text
    assert SECRET not in reply.text


KEY = DeviceKey.generate()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        st.sampled_from(["sub", "aud", "jti", "iat", "exp", "nbf", "kid"]),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False)
        | st.text(max_size=20)
        | st.lists(st.text(max_size=5), max_size=3),
    )
)
def test_no_claims_are_taken_by_accident(claims):
    """Whatever is signed: either all six claims fit, or it is refused with a code."""
    with pytest.raises(Refused) as caught:
        check(KEY.sign(claims), KEY.public, issuer="d-1", audiences=[AUDIENCE], now=NOW)
    assert caught.value.code.startswith("identity.")


@settings(max_examples=150, deadline=None)
@given(
    st.text(alphabet=st.characters(max_codepoint=127), max_size=200)
    | st.binary(max_size=200).map(lambda raw: base64.urlsafe_b64encode(raw).decode())
)
def test_no_text_is_an_assertion_by_accident(text):
    with pytest.raises(Refused):
        claimed_device(text)
