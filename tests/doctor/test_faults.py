"""Each fault is named by its code, with something to do about it, by the check that looks for it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aioice import stun

from edgemeet.control import HealthStatus, MeetingStatus, Status, TimingStatus
from edgemeet.doctor import Finding, Outcome
from edgemeet.doctor.checks.devices import listed_camera
from edgemeet.doctor.probes import Encoding, Listening, encode, listen
from edgemeet.media.survey import Camera, Survey, Trouble
from edgemeet.provisioning import DeviceIdentity, DeviceKey
from edgemeet.provisioning.identity import save_identity
from edgemeet.signaling import IceServer

if TYPE_CHECKING:
    from tests.doctor.conftest import World


def named(finding: Finding, code: str, outcome: Outcome = Outcome.ERROR) -> None:
    assert (finding.code, finding.outcome) == (code, outcome), finding
    assert finding.hint
    assert finding.text


async def test_a_good_machine_has_nothing(world: World) -> None:
    report = await world.examine(world.machine())
    assert report.worst is Outcome.OK, report.findings
    assert {f.check for f in report.findings if f.outcome is Outcome.SKIPPED} == {"udp", "turn", "daemon"}


async def test_an_unknown_key(world: World) -> None:
    machine = world.machine(world.config + 'nam = "x"\n')
    named(await world.finding(machine, "config"), "config.invalid")
    report = await world.examine(machine, "provisioning", "camera", "memory")
    assert [f.outcome for f in report.findings] == [Outcome.SKIPPED, Outcome.SKIPPED, Outcome.OK]


async def test_a_secret_that_everybody_can_read(world: World) -> None:
    machine = world.machine(world.config.replace("timeout = 30", 'auth = "bearer"\nbearer = "a-secret-key"'))
    assert (await world.finding(machine, "credentials")).outcome is Outcome.OK
    machine.config_file.chmod(0o644)
    found = await world.finding(machine, "credentials")
    named(found, "credentials.readable", Outcome.WARNING)
    assert "a-secret-key" not in found.model_dump_json()


async def test_a_device_and_its_identity(world: World) -> None:
    config = world.config.replace("timeout = 30", 'auth = "identity"')
    named(await world.finding(world.machine(config), "identity"), "identity.missing")
    file, key = world.folder / "device-identity.json", DeviceKey.generate()
    save_identity(file, DeviceIdentity("d-7", world.url, key))
    found = await world.finding(world.machine(config), "identity")
    assert found.outcome is Outcome.OK
    assert "d-7" in found.text
    assert key.public.thumbprint in found.text
    file.chmod(0o644)
    named(await world.finding(world.machine(config), "identity"), "identity.readable", Outcome.WARNING)
    save_identity(file, DeviceIdentity("d-7", "https://elsewhere.example.com", key))
    named(await world.finding(world.machine(config), "identity"), "identity.other_server", Outcome.WARNING)
    file.write_text("{")
    named(await world.finding(world.machine(config), "identity"), "identity.damaged")


async def test_a_token_file_that_everybody_can_read(world: World) -> None:
    file = world.folder / "token"
    file.write_text(world.token())
    config = world.config.replace('url = "{url}/get-token"', f'token_file = "{file}"')
    named(await world.finding(world.machine(config), "credentials"), "credentials.readable", Outcome.WARNING)


async def test_the_api_secret_on_the_device(world: World) -> None:
    config = world.config.replace(
        'url = "{url}/get-token"', 'api_key = "an-api-key"\napi_secret = "a-secret-nobody-may-see"'
    )
    found = await world.finding(world.machine(config), "credentials")
    named(found, "credentials.api_secret", Outcome.INFO)


@pytest.mark.parametrize(
    ("offset", "code"), [(3600, "clock.ahead"), (-3600, "clock.behind"), (-40 * 365 * 86400, "clock.not_set")]
)
async def test_a_clock_that_is_wrong(world: World, offset: int, code: str) -> None:
    named(await world.finding(world.machine(wall_clock=lambda: time.time() + offset), "clock"), code)


async def test_a_clock_that_nobody_sets(world: World) -> None:
    machine = world.machine(synchronised=lambda: False)
    named(await world.finding(machine, "clock"), "clock.unsynchronised", Outcome.WARNING)


async def test_names_that_are_not_resolved(world: World) -> None:
    async def dead(_: str) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    named(await world.finding(world.machine(resolve=dead), "dns"), "network.dns")


async def test_a_resolver_that_hangs(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hangs(_: str) -> None:
        await asyncio.sleep(3600)

    monkeypatch.setattr("edgemeet.doctor.journey.STEP_TIMEOUT", 0.1)
    named(await world.finding(world.machine(resolve=hangs), "dns"), "network.dns")


async def test_an_api_that_is_not_there(world: World) -> None:
    machine = world.machine(world.config.replace('api_url = "{url}"', 'api_url = "http://127.0.0.1:9"'))
    report = await world.examine(machine, "api", "rooms", "signaling")
    assert [f.code for f in report.findings] == ["network.refused"] * 3
    assert all(f.hint for f in report.findings)


@contextlib.asynccontextmanager
async def answering(text: bytes) -> AsyncIterator[str]:
    """A server on loopback that answers everything alike, and with nothing never."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            if not text:
                await reader.read()
            writer.write(text)
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_a_captive_portal(world: World) -> None:
    page = b"<html>Welcome to the hotel</html>"
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: %d\r\n\r\n" % len(page)
    async with answering(head + page) as portal:
        machine = world.machine(world.config.replace("{url}/get-token", f"{portal}/get-token"))
        found = await world.finding(machine, "provisioning")
    named(found, "server.not_json")
    assert "captive portal" in (found.hint or "")


async def test_servers_that_never_answer_are_given_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgemeet.doctor.journey.STEP_TIMEOUT", 0.3)
    async with answering(b"") as silent:
        config = world.config.replace("{url}/get-token", f"{silent}/get-token")
        report = await world.examine(world.machine(config), "provisioning", "rooms", "signaling", "udp")
    assert [f.code for f in report.findings] == ["network.timeout", None, None, None]
    assert {f.outcome for f in report.findings[1:]} == {Outcome.SKIPPED}


def with_token(world: World, text: str) -> str:
    return world.config.replace('url = "{url}/get-token"', f'token = "{text}"')


async def test_a_token_that_has_expired(world: World) -> None:
    machine = world.machine(with_token(world, world.token(exp=int(time.time()) - 60)))
    named(await world.finding(machine, "provisioning"), "auth.token_expired")


async def test_a_token_that_ends_soon(world: World) -> None:
    machine = world.machine(with_token(world, world.token(exp=int(time.time()) + 30)))
    named(await world.finding(machine, "provisioning"), "auth.token_short", Outcome.WARNING)


@pytest.mark.parametrize(
    ("claim", "value", "code"),
    [
        ("roomId", "another-room-here", "auth.wrong_meeting"),
        ("participantId", "back-door", "auth.wrong_participant"),
        ("roles", ["crawler"], "auth.wrong_role"),
        ("permissions", ["allow_mod"], "auth.permissions"),
        ("permissions", ["ask_join", "allow_mod"], "auth.permissions"),
    ],
)
async def test_a_token_that_is_for_something_else(world: World, claim: str, value: object, code: str) -> None:
    machine = world.machine(with_token(world, world.token(**{claim: value})))
    named(await world.finding(machine, "provisioning"), code)


async def test_a_token_that_is_none(world: World) -> None:
    found = await world.finding(world.machine(with_token(world, "Bearer-of-nothing")), "provisioning")
    named(found, "auth.token_not_jwt")
    assert "Bearer-of-nothing" not in found.model_dump_json()


async def test_a_key_that_videosdk_does_not_know(world: World) -> None:
    machine = world.machine(with_token(world, world.token(apikey="another-key")))
    report = await world.examine(machine, "provisioning", "rooms", "signaling")
    assert [f.outcome for f in report.findings] == [Outcome.OK, Outcome.ERROR, Outcome.ERROR]
    assert {(f.code or "").partition(".")[0] for f in report.findings[1:]} == {"auth"}


async def test_a_meeting_that_is_not_there(world: World) -> None:
    machine = world.machine(world.config.replace("{room}", "no-such-meeting"))
    found = await world.finding(machine, "rooms")
    assert (found.code or "").startswith("meeting."), found
    assert found.hint


async def test_udp_that_is_blocked(world: World) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        server = IceServer(urls=(f"stun:127.0.0.1:{silent.getsockname()[1]}",))
        async with world.sandbox(server) as url:
            world.url = url
            found = await world.finding(world.machine(), "udp")
    named(found, "network.udp_blocked", Outcome.WARNING)


class Stun(asyncio.DatagramProtocol):
    """Answers every question."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        asked = stun.parse_message(data)
        answer = stun.Message(asked.message_method, stun.Class.RESPONSE, asked.transaction_id)
        self.transport.sendto(bytes(answer), addr)  # type: ignore[attr-defined]  # it is a datagram transport


async def test_udp_that_is_open(world: World) -> None:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Stun, local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    try:
        async with world.sandbox(IceServer(urls=(f"stun:127.0.0.1:{port}",))) as url:
            world.url = url
            found = await world.finding(world.machine(), "udp")
    finally:
        transport.close()
    assert found.outcome is Outcome.OK, found


async def test_a_relay_that_is_not_there(world: World) -> None:
    server = IceServer(urls=("turn:127.0.0.1:9?transport=tcp",), username="u", credential="a-password")  # type: ignore[arg-type]  # pydantic makes it secret
    async with world.sandbox(server) as url:
        world.url = url
        found = await world.finding(world.machine(), "turn")
    named(found, "network.turn", Outcome.WARNING)
    assert "a-password" not in found.model_dump_json()


V4L2 = Camera("v4l2", "/dev/video0", "HD Pro Webcam C920", ())
NOT_INSTALLED = Trouble("picamera2", "device.not_installed", "no picamera2", "install it")
FORBIDDEN = Trouble("v4l2", "device.forbidden", "may not be used", "usermod -aG video USER")
HANGS = Trouble("v4l2", "device.list_timeout", "v4l2 gave no answer within 10 s")


@pytest.mark.parametrize(
    ("survey", "source", "device", "code"),
    [
        (Survey(cameras=(V4L2,), troubles=(NOT_INSTALLED,)), "auto", None, None),
        (Survey(cameras=(V4L2,)), "v4l2", "/dev/v4l/by-id/x", None),
        (Survey(), "auto", None, "device.not_found"),
        (Survey(troubles=(NOT_INSTALLED,)), "auto", None, "device.not_found"),
        (Survey(troubles=(NOT_INSTALLED,)), "picamera2", None, "device.not_installed"),
        (Survey(troubles=(NOT_INSTALLED, FORBIDDEN)), "auto", None, "device.forbidden"),
        (Survey(troubles=(HANGS,)), "v4l2", None, "device.list_timeout"),
        (Survey(cameras=(Camera("picamera2", "0", "imx708", ()),)), "picamera2", "1", "device.not_found"),
    ],
    ids=("usb", "by id", "none", "none, no library", "no library", "forbidden", "hangs", "another number"),
)
def test_a_camera_that_cannot_be_used(
    survey: Survey, source: str, device: str | None, code: str | None
) -> None:
    found = listed_camera(survey, source, device)
    assert found.code == code
    assert (found.hint is None) is (code is None)


async def test_an_encoder_that_this_machine_lacks(world: World) -> None:
    config = world.config.replace('source = "v4l2"', 'source = "v4l2"\nencoder = "v4l2m2m"')
    found = await world.finding(world.machine(config, encode=encode), "encoder")
    assert (found.code or "").startswith("device."), found
    assert found.hint


@pytest.mark.parametrize(("busy", "outcome"), [(0.9, Outcome.WARNING), (1.4, Outcome.ERROR)])
async def test_a_processor_that_is_too_slow(world: World, busy: float, outcome: Outcome) -> None:
    async def slow(_: object) -> Encoding:
        return Encoding("libx264", busy, busy)

    named(await world.finding(world.machine(encode=slow), "encoder"), "host.cpu_short", outcome)


@pytest.mark.alsa
async def test_a_microphone_that_is_not_there(world: World) -> None:
    config = world.config.replace('source = "tone"', 'source = "alsa"\ndevice = "plughw:CARD=Nothing"')
    named(await world.finding(world.machine(config, listen=listen), "microphone"), "device.not_found")


async def test_a_microphone_that_hears_nothing(world: World, tmp_path: Path) -> None:
    silence = tmp_path / "silence.wav"
    with wave.open(str(silence), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(bytes(2 * 48_000))
    config = world.config.replace('source = "tone"', f'source = "file"\ndevice = "{silence}"')
    found = await world.finding(world.machine(config, listen=listen), "microphone")
    named(found, "device.silent", Outcome.WARNING)


async def test_a_microphone_that_is_quiet(world: World) -> None:
    async def quiet(_: object) -> Listening:
        return Listening("alsa default", -62.0)

    named(await world.finding(world.machine(listen=quiet), "microphone"), "device.quiet", Outcome.INFO)


async def test_little_memory(world: World) -> None:
    world.write("/proc/meminfo", "MemAvailable:   40000 kB\n")
    named(await world.finding(world.machine(), "memory"), "host.memory_low")


async def test_a_full_disk(world: World) -> None:
    machine = world.machine(space=lambda _: world.statvfs(free=0))
    named(await world.finding(machine, "disk"), "host.disk_full")


async def test_a_disk_that_is_read_only(world: World) -> None:
    machine = world.machine(space=lambda _: world.statvfs(free=10**9, flags=1))  # ST_RDONLY
    named(await world.finding(machine, "disk"), "host.read_only", Outcome.WARNING)


@pytest.mark.parametrize(
    ("bits", "code", "outcome"),
    [
        ("50005", "host.undervoltage", Outcome.ERROR),
        ("10000", "host.undervoltage", Outcome.WARNING),
        ("80008", "host.hot", Outcome.WARNING),
        ("4", "host.throttled", Outcome.WARNING),
    ],
)
async def test_a_bad_power_supply_or_heat(world: World, bits: str, code: str, outcome: Outcome) -> None:
    world.write("/sys/devices/platform/soc/soc:firmware/get_throttled", f"{bits}\n")
    named((await world.examine(world.machine(), "throttling")).findings[0], code, outcome)


async def test_heat_without_a_firmware_that_tells(world: World) -> None:
    world.write("/sys/devices/platform/soc/soc:firmware/get_throttled", "")
    world.write("/sys/class/thermal/thermal_zone0/temp", "84000\n")
    named(await world.finding(world.machine(), "throttling"), "host.hot", Outcome.WARNING)


async def test_a_kernel_that_is_too_old(world: World) -> None:
    world.write("/proc/sys/kernel/osrelease", "4.19.118-v7+\n")
    named(await world.finding(world.machine(), "versions"), "host.kernel_old")


async def test_a_libcamera_that_hangs(world: World) -> None:
    async def old(*arguments: str) -> str:
        return "0.4.0+rpt20250213-1"

    config = world.config.replace("participant_id", "multistream = true\nparticipant_id")
    machine = world.machine(config, program=old)
    named(await world.finding(machine, "versions"), "host.libcamera_hangs", Outcome.WARNING)


@pytest.mark.parametrize(
    ("fact", "value", "code", "outcome"),
    [
        ("ActiveState", "failed", "unit.failed", Outcome.ERROR),
        ("SubState", "auto-restart", "unit.failed", Outcome.ERROR),
        ("ActiveState", "inactive", "unit.inactive", Outcome.WARNING),
        ("UnitFileState", "disabled", "unit.disabled", Outcome.WARNING),
    ],
)
async def test_a_unit_that_does_not_run(
    world: World, fact: str, value: str, code: str, outcome: Outcome
) -> None:
    machine = world.machine(program=world.systemctl(**{fact: value}))
    named(await world.finding(machine, "unit"), code, outcome)


async def test_what_the_daemon_says_is_said_again(world: World) -> None:
    removed = HealthStatus(code="evicted.removed", message="a host removed it", severity="error", since=0)
    status = Status(
        version="1",
        state="held",
        phase=None,
        for_seconds=1,
        uptime=2,
        next_join_in=None,
        joins=1,
        attempts=1,
        meeting=MeetingStatus(id=None, participant_id="front-door", name=None),
        token=None,
        producers=(),
        captures=(),
        transport=None,
        timing=TimingStatus(process_to_first_media=None, attempt_to_token=None, token_to_first_media=None),
        health=(removed,),
    )
    named(await world.finding(world.machine(daemon=status), "daemon"), "evicted.removed")


async def test_media_that_goes_to_an_endpoint_of_ones_own(world: World) -> None:
    config = """\
[meeting]
protocol = "whip"
participant_id = "front-door"
[whip]
endpoint = "{url}/with-a-secret-path"
[camera]
source = "test"
[microphone]
source = "tone"
"""
    report = await world.examine(world.machine(config))
    assert report.worst is Outcome.OK, report.findings
    skipped = {f.check for f in report.findings if f.outcome is Outcome.SKIPPED}
    assert {"provisioning", "rooms", "signaling", "udp", "turn"} <= skipped
    assert "with-a-secret-path" not in report.model_dump_json()
