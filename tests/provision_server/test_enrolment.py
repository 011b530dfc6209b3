"""Enrolment: one code, one key, one device."""

from __future__ import annotations

import asyncio

import jwt
import pytest

from edgemeet.provision_server import codes
from edgemeet.provisioning import DeviceKey


@pytest.mark.parametrize("kind", ["ed25519", "es256"])
async def test_a_code_and_a_key_make_a_device(http, registry, anna, new_device, kind):
    device = new_device(key=DeviceKey.generate(kind))
    reply = await http.post("/v1/enroll", json=device.enrolment(registry.code(anna)))
    assert reply.status_code == 201
    found = registry.get(reply.json()["device_id"])
    assert (found.state, found.participant_id, found.public_key) == ("active", "door-1", device.key.public)


async def test_a_code_for_a_device_that_was_added(http, registry, groups, anna, new_device):
    added = registry.add(anna, "Front door")
    reply = await http.post("/v1/enroll", json=new_device().enrolment(registry.code(anna, added.id)))
    assert reply.json() == {"device_id": added.id}
    assert registry.get("Front door").state == "active"


async def test_however_a_person_types_it(http, registry, anna, new_device, monkeypatch):
    monkeypatch.setattr(codes, "new_code", lambda: "A0B1-CDEF")
    registry.code(anna)
    assert (await http.post("/v1/enroll", json=new_device().enrolment("aobi cdef"))).status_code == 201


async def test_a_code_is_used_once(http, registry, anna, new_device):
    code = registry.code(anna)
    assert (await http.post("/v1/enroll", json=new_device().enrolment(code))).status_code == 201
    second = await http.post("/v1/enroll", json=new_device(participant_id="door-2").enrolment(code))
    assert (second.status_code, second.json()["code"]) == (409, "enrolment.code_used")
    assert len(registry.devices()) == 1


async def test_two_devices_at_once_with_one_code(http, registry, anna, new_device):
    code = registry.code(anna)
    replies = await asyncio.gather(
        *(
            http.post("/v1/enroll", json=new_device(participant_id=f"door-{n}").enrolment(code))
            for n in range(6)
        )
    )
    assert sorted(reply.status_code for reply in replies) == [201, 409, 409, 409, 409, 409]
    assert len(registry.devices()) == 1


async def test_an_answer_that_was_lost_is_given_again(http, registry, anna, new_device):
    code, device = registry.code(anna), new_device()
    first, second = [await http.post("/v1/enroll", json=device.enrolment(code)) for _ in range(2)]
    assert first.json() == second.json()
    assert len(registry.devices()) == 1


@pytest.mark.parametrize("late", [0, 3599, 3600, 100_000])
async def test_a_code_has_an_end(http, registry, anna, new_device, clock, late):
    code = registry.code(anna)
    clock.now += late
    reply = await http.post("/v1/enroll", json=new_device().enrolment(code))
    assert reply.status_code == (201 if late < 3600 else 403)
    if late >= 3600:
        assert reply.json()["code"] == "enrolment.code_refused"


async def test_a_code_that_nobody_made(http, registry, new_device):
    reply = await http.post("/v1/enroll", json=new_device().enrolment("ABCD-1234"))
    assert (reply.status_code, reply.json()["code"]) == (403, "enrolment.code_refused")
    assert registry.devices() == ()


async def test_guessing_codes_is_slow(make_http, settings, new_device):
    async with make_http(settings.model_copy(update={"failures_per_minute": 5})) as http:
        replies = [
            await http.post("/v1/enroll", json=new_device().enrolment(f"ABCD-{n:04}")) for n in range(7)
        ]
    assert [reply.status_code for reply in replies] == [403] * 5 + [429] * 2
    assert 0 < int(replies[-1].headers["retry-after"]) <= 60


async def test_two_devices_with_one_participant_id(http, registry, anna, new_device):
    for expected in (201, 409):
        reply = await http.post("/v1/enroll", json=new_device().enrolment(registry.code(anna)))
        assert reply.status_code == expected
    assert reply.json()["code"] == "enrolment.participant_taken"
    assert len(registry.devices()) == 1


async def test_a_refused_enrolment_leaves_the_code_good(http, registry, anna, new_device):
    await http.post("/v1/enroll", json=new_device().enrolment(registry.code(anna)))
    code = registry.code(anna)
    taken = await http.post("/v1/enroll", json=new_device().enrolment(code))
    assert taken.status_code == 409
    good = await http.post("/v1/enroll", json=new_device(participant_id="door-2").enrolment(code))
    assert good.status_code == 201


async def test_enrolling_anew_replaces_the_key(http, registry, anna, enrolled, new_device):
    device = await enrolled()
    registry.assign(anna, device.id, "abcd-efgh")
    fresh = new_device(id=device.id)
    reply = await http.post("/v1/enroll", json=fresh.enrolment(registry.code(anna, device.id)))
    assert reply.json() == {"device_id": device.id}
    assert (await http.get("/v1/token", headers=fresh.header())).status_code == 200
    assert (await http.get("/v1/token", headers=device.header())).json()["code"] == "identity.signature"


async def test_enrolling_anew_does_not_restore(http, registry, anna, enrolled, new_device):
    device = await enrolled()
    registry.revoke(anna, device.id)
    fresh = new_device(id=device.id)
    await http.post("/v1/enroll", json=fresh.enrolment(registry.code(anna, device.id)))
    assert (await http.get("/v1/token", headers=fresh.header())).json()["revoked"] is True


async def test_a_key_needs_its_proof(http, registry, anna, new_device):
    code, device, thief = registry.code(anna), new_device(), new_device()
    body = device.enrolment(code, proof=thief.enrolment(code)["proof"])
    reply = await http.post("/v1/enroll", json=body)
    assert (reply.status_code, reply.json()["code"]) == (401, "identity.signature")


async def test_a_proof_is_for_one_code(http, registry, anna, new_device):
    first, second, device = registry.code(anna), registry.code(anna), new_device()
    body = device.enrolment(first) | {"code": second}
    assert (await http.post("/v1/enroll", json=body)).status_code == 401


async def test_a_proof_is_for_one_server_and_a_short_time(http, registry, anna, new_device, clock):
    device, code = new_device(), registry.code(anna)
    stale = device.enrolment(code)
    clock.now += 600
    assert (await http.post("/v1/enroll", json=stale)).json()["code"] == "identity.clock"
    thumbprint = device.key.public.thumbprint
    proof = device.key.sign(device.claims(iss=thumbprint, sub=code, aud="https://elsewhere.example.com"))
    reply = await http.post("/v1/enroll", json=device.enrolment(code, proof=proof))
    assert reply.json()["code"] == "identity.audience"


async def test_an_unsigned_proof(http, registry, anna, new_device):
    device, code = new_device(), registry.code(anna)
    claims = device.claims(iss=device.key.public.thumbprint, sub=code)
    proof = jwt.encode(claims, None, algorithm="none")
    reply = await http.post("/v1/enroll", json=device.enrolment(code, proof=proof))
    assert reply.json()["code"] == "identity.signature"


@pytest.mark.parametrize(
    "change",
    [
        {"code": "short"},
        {"code": 7},
        {"public_key": {}},
        {"public_key": {"kty": "RSA"}},
        {"public_key": {"kty": "OKP", "crv": "Ed25519", "x": "A" * 43, "d": "B" * 43}},
        {"proof": "x" * 5000},
        {"participant_id": "../up"},
        {"participant_id": "a\x00b"},
        {"more": 1},
    ],
    ids=lambda change: f"{next(iter(change))}={str(next(iter(change.values())))[:20]!a}",
)
async def test_a_malformed_request(http, registry, anna, new_device, change):
    reply = await http.post("/v1/enroll", json=new_device().enrolment(registry.code(anna)) | change)
    assert (reply.status_code, reply.json()["code"]) == (422, "request.malformed")
    assert next(iter(change)) in reply.json()["message"]
    assert "B" * 43 not in reply.text, "a private key is not thrown back"


async def test_the_database_holds_no_code(registry, database, anna):
    code = registry.code(anna)
    with database.read() as connection:
        everything = str(connection.exec_driver_sql("SELECT * FROM enrolment_codes").all())
    assert code not in everything
    assert code.replace("-", "") not in everything


async def test_enrolment_is_in_the_audit_log(http, registry, anna, enrolled):
    device = await enrolled()
    entry = registry.audit(subject=device.id)[0]
    assert (entry["action"], entry["detail"]) == ("device.enrolled", {"key": device.key.public.thumbprint})
    assert entry["address"] is not None
