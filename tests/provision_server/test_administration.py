"""The admin API and its tokens."""

from __future__ import annotations

import pytest

from edgemeet.provision_server import administrators
from edgemeet.provision_server.openapi import document


@pytest.fixture
def admin(database, anna, clock):
    return {"Authorization": f"Bearer {administrators.add(database, anna, 'bert', clock())}"}


ROUTES = [
    (method, path.replace("{id}", "d-1").replace("{name}", "g").replace("{number}", "1"))
    for path, operations in document()["paths"].items()
    if path.startswith(("/admin", "/metrics"))
    for method in operations
    if method != "parameters"
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_nothing_without_a_token(http, admin, method, path):
    for headers in (
        {},
        {"Authorization": "Bearer epa_wrong"},
        {"Authorization": admin["Authorization"][:-1]},
    ):
        reply = await http.request(method, path, headers=headers)
        assert (reply.status_code, reply.json()["code"]) == (401, "admin.unauthorised")


async def test_a_device_is_no_administrator(http, enrolled):
    device = await enrolled()
    assert (await http.get("/admin/v1/devices", headers=device.header())).status_code == 401


async def test_a_removed_administrator_is_none(http, admin, database, anna, clock):
    assert (await http.get("/admin/v1/devices", headers=admin)).status_code == 200
    administrators.remove(database, anna, "bert", clock())
    assert (await http.get("/admin/v1/devices", headers=admin)).status_code == 401


async def test_the_life_of_a_device(http, admin, new_device):
    made = (await http.post("/admin/v1/devices", headers=admin, json={"name": "Front door"})).json()
    device = new_device(id=made["device"]["id"])
    assert made["device"]["state"] == "waiting"
    assert (await http.post("/v1/enroll", json=device.enrolment(made["code"]))).status_code == 201
    one = f"/admin/v1/devices/{device.id}"
    changed = await http.patch(one, headers=admin, json={"meeting_id": "abcd-efgh", "display_name": "Gate"})
    assert (changed.json()["meeting_id"], changed.json()["state"]) == ("abcd-efgh", "active")
    assert changed.json()["key"] == device.key.public.thumbprint
    assert (await http.get("/v1/token", headers=device.header())).json()["name"] == "Gate"
    assert (await http.post(f"{one}/revoke", headers=admin)).json()["state"] == "revoked"
    assert (await http.get("/v1/token", headers=device.header())).json()["revoked"]
    assert (await http.post(f"{one}/restore", headers=admin)).json()["state"] == "active"
    log = (await http.get("/admin/v1/audit", headers=admin, params={"subject": device.id})).json()["entries"]
    assert [entry["action"] for entry in reversed(log)] == [
        "device.added",
        "code.made",
        "device.enrolled",
        "device.changed",
        "token.minted",
        "device.revoked",
        "device.restored",
    ]
    assert {entry["actor"] for entry in log} == {"admin:bert", "enrolment", f"device:{device.id}"}
    assert (await http.delete(one, headers=admin)).status_code == 204
    assert (await http.get(one, headers=admin)).status_code == 404


async def test_pages_of_devices(http, admin):
    for number in range(5):
        await http.post("/admin/v1/devices", headers=admin, json={"name": f"door {number}"})
    seen, after = [], ""
    while True:
        reply = await http.get("/admin/v1/devices", headers=admin, params={"limit": 2, "after": after})
        page = reply.json()["devices"]
        if not page:
            break
        seen += [device["name"] for device in page]
        after = page[-1]["id"]
    assert sorted(seen) == [f"door {number}" for number in range(5)]


async def test_groups_and_schedules(http, admin):
    put = await http.put("/admin/v1/groups/lobby", headers=admin, json={"meeting_id": "abcd"})
    assert put.json() == {"name": "lobby", "meeting_id": "abcd", "config": {}}
    await http.put("/admin/v1/groups/lobby", headers=admin, json={"config": {"camera": {"fps": 5}}})
    [group] = (await http.get("/admin/v1/groups", headers=admin)).json()["groups"]
    assert group == {"name": "lobby", "meeting_id": "abcd", "config": {"camera": {"fps": 5}}}
    slot = {
        "group_name": "lobby",
        "meeting_id": "noon",
        "starts": "12:00",
        "ends": "13:00",
        "days": "mon-wed",
    }
    made = (await http.post("/admin/v1/schedules", headers=admin, json=slot)).json()
    assert made["days"] == "mon,tue,wed"
    assert (await http.get("/admin/v1/schedules", headers=admin)).json()["schedules"] == [made]
    assert (await http.delete(f"/admin/v1/schedules/{made['id']}", headers=admin)).status_code == 204
    assert (await http.delete(f"/admin/v1/schedules/{made['id']}", headers=admin)).status_code == 404
    assert (await http.delete("/admin/v1/groups/lobby", headers=admin)).status_code == 204


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/admin/v1/devices", {"name": ""}, 422, "request.malformed"),
        ("POST", "/admin/v1/devices", {"name": "x", "group_name": "none"}, 404, "admin.unknown_group"),
        ("POST", "/admin/v1/devices", {"name": "x" * 200}, 422, "request.malformed"),
        ("PATCH", "/admin/v1/devices/d-1", {"name": "x"}, 404, "admin.unknown_device"),
        ("PATCH", "/admin/v1/devices/{}", {"meeting_id": "a/b"}, 422, "request.malformed"),
        (
            "PATCH",
            "/admin/v1/devices/{}",
            {"config": {"provisioning": {"url": "x"}}},
            422,
            "admin.bad_config",
        ),
        ("PATCH", "/admin/v1/devices/{}", {"config": {"camera": {"fps": 900}}}, 422, "admin.bad_config"),
        ("PATCH", "/admin/v1/devices/{}", {"revoked_at": 1}, 422, "request.malformed"),
        ("POST", "/admin/v1/devices/d-1/revoke", None, 404, "admin.unknown_device"),
        ("POST", "/admin/v1/devices/d-1/code", None, 404, "admin.unknown_device"),
        ("DELETE", "/admin/v1/devices/d-1", None, 404, "admin.unknown_device"),
        ("PUT", "/admin/v1/groups/a b", {}, 422, "admin.bad_name"),
        ("DELETE", "/admin/v1/groups/none", None, 404, "admin.unknown_group"),
        (
            "POST",
            "/admin/v1/schedules",
            {"meeting_id": "a", "starts": "1", "ends": "2"},
            422,
            "admin.bad_slot",
        ),
        ("GET", "/admin/v1/devices?limit=0", None, 422, "request.malformed"),
        ("GET", "/admin/v1/audit?before=x", None, 422, "request.malformed"),
        ("GET", "/admin/v1/devices/%00", None, 404, "admin.unknown_device"),
        ("GET", "/admin/v2", None, 404, "request.unknown_path"),
        ("PUT", "/admin/v1/devices", None, 405, "request.wrong_method"),
    ],
)
async def test_what_cannot_be_done(http, admin, registry, anna, method, path, body, status, code):
    path = path.format(registry.add(anna, "Front door").id)
    reply = await http.request(method, path, headers=admin, json=body)
    if "%00" in path and reply.status_code == 422:  # PostgreSQL keeps no such text
        status, code = 422, "request.malformed"
    assert (reply.status_code, reply.json()["code"]) == (status, code), reply.text


def test_names_find_devices_if_they_are_the_only_ones(registry, anna):
    first = registry.add(anna, "Front door")
    assert registry.get("Front door") == registry.get(first.id) == first
    registry.add(anna, "Front door")
    with pytest.raises(Exception, match="several") as caught:
        registry.get("Front door")
    assert caught.value.code == "admin.ambiguous"


async def test_metrics(http, admin, enrolled, registry, anna):
    device = await enrolled()
    registry.add(anna, "Waiting")
    registry.assign(anna, device.id, "abcd-efgh")
    header = device.header()
    for _ in range(2):
        await http.get("/v1/token", headers=header)
    text = (await http.get("/metrics", headers=admin)).text
    assert 'edgemeet_provision_devices{state="active"} 1.0' in text
    assert 'edgemeet_provision_devices{state="waiting"} 1.0' in text
    assert 'edgemeet_provision_requests_total{endpoint="token",outcome="ok"} 1.0' in text
    assert 'edgemeet_provision_requests_total{endpoint="token",outcome="identity.replayed"} 1.0' in text
    assert "edgemeet_provision_tokens_total 1.0" in text
    assert 'edgemeet_provision_request_seconds_bucket{endpoint="token"' in text


async def test_a_defect_tells_nothing(http, monkeypatch, enrolled):
    device = await enrolled()

    def fail(*_):
        raise RuntimeError("hush")

    monkeypatch.setattr("edgemeet.provision_server.granting.find_standing", fail)
    reply = await http.get("/v1/token", headers=device.header())
    assert (reply.status_code, reply.json()["code"]) == (500, "server.defect")
    assert "hush" not in reply.text


async def test_old_lines_of_the_log_are_forgotten(registry, anna, database, clock):
    from edgemeet.provision_server import audit

    registry.add(anna, "Front door")
    clock.now += 100
    registry.add(anna, "Back door")
    with database.write() as connection:
        audit.forget(connection, clock() - 50)
    assert [entry["detail"]["name"] for entry in registry.audit()] == ["Back door"]
