"""`edgemeet provision serve` and `edgemeet enroll` as processes, over real sockets; two workers."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
import subprocess
import sys
import time

import httpx
import pytest
from typer.testing import CliRunner

from edgemeet.cli.app import app
from edgemeet.errors import AuthError, DeviceRevoked, ServerError
from edgemeet.provisioning import (
    DeviceIdentity,
    DeviceKey,
    MeetingSource,
    Provisioner,
    ProvisioningOptions,
    enrol,
    load_identity,
)
from edgemeet.provisioning.identity import save_identity
from edgemeet.rest import new_client

from .conftest import wiped

API_SECRET = "a-signing-secret-of-more-than-32-bytes"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Program:
    """The program with settings of its own."""

    def __init__(self, folder):
        postgres = os.environ.get("TEST_POSTGRES_URL")
        database = wiped(postgres) if postgres else f"sqlite:///{folder}/state/provision.db"
        self.folder = folder
        self.url = f"http://127.0.0.1:{free_port()}"
        self.environ = {name: value for name, value in os.environ.items() if "PROXY" not in name.upper()} | {
            "EDGEPROVISION_API_KEY": "the-api-key",
            "EDGEPROVISION_API_SECRET": API_SECRET,
            "EDGEPROVISION_DATABASE_URL": database,
            "EDGEPROVISION_PORT": self.url.rpartition(":")[2],
            "EDGEPROVISION_WORKERS": "2",
            "EDGEPROVISION_POLL_AFTER": "5",
        }

    def run(self, *arguments, status=0, **environ):
        """A command, in this process: starting one takes seconds on a busy machine."""
        plain = dict.fromkeys(name for name in os.environ if name not in self.environ)
        done = CliRunner().invoke(app, arguments, env=plain | self.environ | environ)
        assert done.exit_code == status, done.output
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return (done.stdout if status == 0 else done.stderr).strip()

    def provision(self, *arguments, **more):
        return self.run("provision", *arguments, **more)

    def serve(self):
        log = (self.folder / "server.log").open("wb")
        process = subprocess.Popen(
            [sys.executable, "-m", "edgemeet", "provision", "serve"], env=self.environ, stdout=log, stderr=log
        )
        log.close()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if httpx.get(self.url + "/v1/health", timeout=5, trust_env=False).status_code == 200:
                    return process
            except httpx.TransportError:
                time.sleep(0.1)
        process.kill()
        process.wait()
        pytest.fail((self.folder / "server.log").read_text())


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    program = Program(tmp_path_factory.mktemp("serving"))
    process = program.serve()
    yield program
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    log = (program.folder / "server.log").read_text()
    assert "Traceback" not in log
    assert API_SECRET not in log
    assert "eyJ" not in log


@pytest.fixture
async def client():
    async with new_client() as client:
        yield client


def device_on(program, folder, client, participant_id, *, clock=time.time):
    options = ProvisioningOptions(
        url=program.url + "/v1/token", auth="identity", identity_file=folder / "device-identity.json"
    )
    return Provisioner(options, MeetingSource("provisioned"), client, participant_id, wall_clock=clock)


async def enrolled(program, folder, client, participant_id, **more):
    code = await asyncio.to_thread(program.provision, "code")
    return await enrol(
        client, program.url, code, participant_id=participant_id, state_directory=folder, **more
    )


async def test_from_the_code_to_the_token(program, tmp_path, client):
    identity = await enrolled(program, tmp_path, client, "door-1")
    program.provision("device", "assign", "door-1", "abcd-efgh", "--no-check", "--name", "Gate")
    device = device_on(program, tmp_path, client, "door-1")
    admission = await device.admit()
    assert (admission.meeting_id, admission.name) == ("abcd-efgh", "Gate")
    assert admission.token.claims.participant_id == "door-1"
    assert (await device.poll()).meeting == "abcd-efgh"
    program.provision("device", "revoke", identity.device_id)
    assert (await device.poll()).revoked
    with pytest.raises(DeviceRevoked):
        await device.admit()
    program.provision("device", "restore", "door-1")
    assert (await device.admit()).meeting_id == "abcd-efgh"


@pytest.mark.parametrize("off", [-600, 600])
async def test_a_device_whose_clock_is_ten_minutes_off(program, tmp_path, client, off):
    """It learns the time from the refusal, at enrolment and after, and gets its token."""

    def clock():
        return time.time() + off

    name = f"clock-{off}"
    await enrolled(program, tmp_path, client, name, wall_clock=clock, kind="es256")
    program.provision("device", "assign", name, "abcd-efgh", "--no-check")
    assert (await device_on(program, tmp_path, client, name, clock=clock).admit()).meeting_id == "abcd-efgh"


def test_the_command_enrols(program, tmp_path):
    code = program.provision("device", "add", "Back door").rpartition(" ")[2]
    environ = {
        "STATE_DIRECTORY": str(tmp_path / "state"),
        "EDGEMEET_MEETING__PARTICIPANT_ID": "door-2",
        "EDGEMEET_MEETING__SOURCE": "provisioned",
        "EDGEMEET_PROVISIONING__URL": program.url,
    }
    shown = program.run("enroll", "--url", program.url, "--code", code, **environ)
    assert 'auth = "identity"' in shown
    assert f'url = "{program.url}/v1/token"' in shown
    file = tmp_path / "state" / "device-identity.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "PRIVATE" not in shown
    assert load_identity(file).device_id in program.provision("device", "list")
    assert sorted(path.name for path in file.parent.iterdir()) == ["device-identity.json"]
    again = program.run("enroll", "--url", program.url, "--code", code, status=1, **environ)
    assert "used by another device" in again, "the key is another one now"


async def test_a_wrong_code_is_told_plainly(program, tmp_path, client):
    with pytest.raises(AuthError) as caught:
        await enrol(client, program.url, "ABCD-1234", participant_id="x", state_directory=tmp_path)
    assert caught.value.code == "enrolment.code_refused"
    assert "ABCD-1234" not in str(caught.value)


async def test_an_enrolment_whose_answer_is_lost(program, tmp_path, client, monkeypatch):
    """The key is kept before it is sent, and the code is good for the same key once more."""
    code = program.provision("code")

    async def lost(*arguments, **more):
        await real(*arguments, **more)
        raise ServerError("the answer was lost on the way")

    from edgemeet.provisioning import enrolment

    real = enrolment.exchange
    monkeypatch.setattr(enrolment, "exchange", lost)
    with pytest.raises(ServerError):
        await enrol(client, program.url, code, participant_id="lost", state_directory=tmp_path)
    monkeypatch.undo()
    identity = await enrol(client, program.url, code, participant_id="lost", state_directory=tmp_path)
    assert load_identity(tmp_path / "device-identity.json").device_id == identity.device_id


async def test_a_copied_card_is_seen(program, tmp_path, client):
    """Two devices with one key both work, and the audit log tells: the operator revokes the one key."""
    await enrolled(program, tmp_path, client, "copied")
    other = tmp_path / "copy"
    save_identity(other / "device-identity.json", load_identity(tmp_path / "device-identity.json"))
    program.provision("device", "assign", "copied", "abcd-efgh", "--no-check")
    for folder in (tmp_path, other):
        await device_on(program, folder, client, "copied").admit()
    program.provision("device", "revoke", "copied")
    for folder in (tmp_path, other):
        with pytest.raises(DeviceRevoked):
            await device_on(program, folder, client, "copied").admit()


async def test_a_stranger_is_told_what_is_wrong(program, tmp_path, client):
    stranger = DeviceIdentity("d-none", program.url, DeviceKey.generate())
    save_identity(tmp_path / "device-identity.json", stranger)
    with pytest.raises(AuthError) as caught:
        await device_on(program, tmp_path, client, "x").admit()
    assert caught.value.code == "identity.unknown_device"


@pytest.mark.parametrize("size", [60_000, 2_000_000])
def test_an_oversized_head(program, size):
    """Refused by its length, or cut off before all of it has come."""
    with httpx.Client(trust_env=False) as client:
        try:
            reply = client.get(program.url + "/v1/token", headers={"Authorization": "Bearer " + "x" * size})
        except httpx.TransportError:
            assert size > 60_000
        else:
            assert reply.status_code in {400, 401, 431}
    assert httpx.get(program.url + "/v1/health", trust_env=False).status_code == 200


def test_metrics_are_of_all_workers(program):
    token = program.provision("admin", "add", "prometheus")
    headers = {"Authorization": f"Bearer {token}"}
    for _ in range(20):  # each over a connection of its own, so that both workers answer some
        httpx.get(program.url + "/v1/health", trust_env=False)
    seen = []
    for _ in range(4):
        text = httpx.get(program.url + "/metrics", headers=headers, trust_env=False).text
        [line] = [
            line
            for line in text.splitlines()
            if line.startswith('edgemeet_provision_requests_total{endpoint="health",outcome="ok"}')
        ]
        seen.append(float(line.rpartition(" ")[2]))
    assert min(seen) >= 20
    assert program.provision("admin", "list") == "prometheus"


def test_the_commands_of_an_administrator(program):
    program.provision("group", "put", "lobby", "--meeting", "abcd", "--set", "camera.fps=10")
    assert program.provision("group", "list") == 'lobby abcd {"camera": {"fps": 10}}'
    program.provision("device", "add", "Desk", "--group", "lobby")
    assert "group=lobby" in program.provision("device", "list", "--group", "lobby")
    settings = program.provision("device", "set", "Desk", "camera.hflip=true", "meeting.mic=false")
    assert settings == '{"camera": {"hflip": true}, "meeting": {"mic": false}}'
    assert program.provision("device", "set", "Desk", "meeting.mic=") == '{"camera": {"hflip": true}}'
    refused = program.provision("device", "set", "Desk", "control.group=root", status=1)
    assert "must not set control.group" in refused
    times = ("--from", "09:00", "--until", "17:00")
    slot = program.provision("schedule", "add", "office", "--group", "lobby", "--days", "mon-fri", *times)
    assert '"days": "mon,tue,wed,thu,fri"' in slot
    assert program.provision("schedule", "list") == slot
    program.provision("schedule", "remove", slot.partition('"id": ')[2].partition(",")[0])
    assert '"actor": "cli:' in program.provision("audit", "--json", "--limit", "1")
    assert "group.put" in program.provision("audit")
    assert "no such device" in program.provision("device", "revoke", "nobody", status=1)
    assert '"state": "waiting"' in program.provision("device", "show", "Desk")
    program.provision("device", "remove", "Desk")
    program.provision("group", "remove", "lobby")


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"EDGEPROVISION_API_SECRET": "short"}, "api_secret"),
        ({"EDGEPROVISION_WORKERS": "many"}, "workers"),
        ({"EDGEPROVISION_NONSENSE": "1"}, "nonsense"),
        ({"EDGEPROVISION_DATABASE_URL": "mysql://u:hush@h/n"}, "database_url"),
        ({"EDGEPROVISION_PUBLIC_URLS": "provision.example.com"}, "public_urls"),
        ({"EDGEPROVISION_CONFIG": "/none/provision.toml"}, "does not exist"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_settings_that_cannot_be_used(program, environ, words):
    told = program.provision("device", "list", status=os.EX_CONFIG, **environ)
    assert words in told
    assert "hush" not in told


def test_settings_come_from_a_file_and_from_credentials(program, tmp_path):
    (tmp_path / "provision.toml").write_text('public_urls = ["https://p.example.com/x"]\nworkers = 3\n')
    (tmp_path / "provision.api_secret").write_text("another-secret-of-32-bytes-or-more\n")
    from edgemeet.provision_server.settings import load_settings

    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path), "EDGEPROVISION_API_KEY": "k"}
    settings = load_settings(tmp_path / "provision.toml", environ)
    assert settings.api_secret.get_secret_value() == "another-secret-of-32-bytes-or-more"
    assert (settings.workers, settings.audiences) == (3, ("https://p.example.com",))
    assert "another-secret" not in repr(settings)
