"""Requests signed with the device's own key, also where its clock is wrong."""

from email.utils import formatdate

import jwt
import pytest

from edgemeet.errors import AuthError
from edgemeet.provisioning import DeviceIdentity, DeviceKey, MeetingSource, Provisioner, ProvisioningOptions
from edgemeet.provisioning.identity import save_identity

MEETING = MeetingSource("fixed", id="abcd")


@pytest.fixture(params=["ed25519", "es256"])
def key(request):
    return DeviceKey.generate(request.param)


@pytest.fixture
def device(server, client, tmp_path, key):
    save_identity(tmp_path / "id.json", DeviceIdentity("d-7", server.url, key))

    def make(wall_clock):
        options = ProvisioningOptions(
            url=server.url + "/v1/token?site=7", auth="identity", identity_file=tmp_path / "id.json"
        )
        return Provisioner(options, MEETING, client, "door", wall_clock=wall_clock)

    return make


def assertion(server, key, number=-1):
    """As a server verifies it, but for the times."""
    text = server.requests[number]["headers"]["authorization"].removeprefix("Bearer ")
    assert jwt.get_unverified_header(text)["kid"] == key.public.thumbprint
    return jwt.decode(
        text,
        key.public.load(),
        algorithms=[key.public.algorithm],
        audience=server.url,
        options={
            "require": ["iss", "sub", "aud", "jti", "iat", "exp"],
            "verify_exp": False,
            "verify_iat": False,
        },
    )


async def test_each_request_is_signed_anew(server, device, key, now, mint):
    server.answer(200, {"token": mint()})
    asker = device(now)
    for _ in range(2):
        await asker.admit()
    first, second = (assertion(server, key, number) for number in range(2))
    assert first["iss"] == first["sub"] == "d-7"
    assert (first["iat"], first["exp"]) == (int(now()), int(now()) + 60)
    assert first["jti"] != second["jti"]


@pytest.mark.parametrize("off", [-600, 600, 86_400])
async def test_a_wrong_clock_is_corrected_by_the_servers(server, device, key, now, mint, off):
    server.answer(401, {"code": "identity.clock"})
    server.answer(200, {"token": mint()})
    asker = device(lambda: now() + off)
    await asker.admit()
    assert assertion(server, key, 0)["iat"] == int(now()) + off
    assert abs(assertion(server, key, 1)["iat"] - now()) <= 1
    await asker.admit()
    assert len(server.requests) == 3, "the third has the right time at once"
    assert abs(assertion(server, key, 2)["iat"] - now()) <= 1


async def test_a_refusal_with_the_right_clock_is_not_repeated(server, device, now):
    server.answer(401, {"code": "identity.unknown_device", "message": "no such device"})
    with pytest.raises(AuthError, match="no such device") as caught:
        await device(now).admit()
    assert caught.value.code == "identity.unknown_device"
    assert len(server.requests) == 1


async def test_a_server_that_never_agrees_is_asked_twice(server, device, now):
    server.answer(401, {"code": "identity.clock"}, {"Date": formatdate(now() + 900, usegmt=True)})
    with pytest.raises(AuthError):
        await device(now).admit()
    assert len(server.requests) == 2


async def test_enrolment_needs_no_restart(server, client, tmp_path, now, mint):
    server.answer(200, {"token": mint()})
    file = tmp_path / "later.json"
    options = ProvisioningOptions(url=server.url, auth="identity", identity_file=file)
    device = Provisioner(options, MEETING, client, "door", wall_clock=now)
    with pytest.raises(AuthError) as caught:
        await device.admit()
    assert caught.value.code == "identity.missing"
    assert server.requests == []
    save_identity(file, DeviceIdentity("d-8", server.url, DeviceKey.generate()))
    await device.admit()
