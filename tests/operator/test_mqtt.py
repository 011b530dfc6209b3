"""A device at a real mosquitto, with TLS, passwords and rules."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiomqtt
import pytest

if TYPE_CHECKING:
    from tests.operator.conftest import Device, Program, Start, Tools

pytestmark = [pytest.mark.operator, pytest.mark.timeout(240)]

BASE = "site/door/front-door"
RULES = """\
user front-door
topic readwrite site/door/front-door/#
topic write homeassistant/device/edgemeet-front-door/config

user warden
topic readwrite #
"""
CONFIG = """\
listener {port} 127.0.0.1
certfile {folder}/broker.pem
keyfile {folder}/broker.key
allow_anonymous false
password_file {folder}/passwords
acl_file {folder}/rules
persistence false
user root
"""


class Broker:
    """mosquitto, and the one who watches over devices at it."""

    def __init__(self, folder: Path, start: Start, tools: Tools) -> None:
        self.folder = folder
        self.port = tools.free_port()
        self.program: Program | None = None
        self._start = start
        self._tools = tools

    @property
    def authority(self) -> Path:
        return self.folder / "authority.pem"

    async def prepare(self) -> None:
        def openssl(*arguments: str) -> Any:
            return self._tools.output("openssl", *arguments)

        at = str(self.folder)
        new = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
        authority = ("-keyout", f"{at}/authority.key", "-out", f"{at}/authority.pem", "-subj", "/CN=test")
        signed = ("-CA", f"{at}/authority.pem", "-CAkey", f"{at}/authority.key")
        files = ("-keyout", f"{at}/broker.key", "-out", f"{at}/broker.pem", "-subj", "/CN=localhost")
        names = ("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
        await openssl(*new, *authority)
        await openssl(*new, *signed, *files, *names, "-addext", "basicConstraints=critical,CA:FALSE")
        for options, user in ((("-c", "-b"), "front-door"), (("-b",), "warden")):
            await self._tools.output("mosquitto_passwd", *options, f"{at}/passwords", user, f"word-of-{user}")
        (self.folder / "rules").write_text(RULES)
        (self.folder / "mosquitto.conf").write_text(CONFIG.format(port=self.port, folder=at))

    async def run(self) -> None:
        self.program = await self._start("mosquitto", "-c", self.folder / "mosquitto.conf")

    def settings(self, **changes: str) -> str:
        values = {
            "host": '"127.0.0.1"',
            "port": str(self.port),
            "ca_file": f'"{self.authority}"',
            "username": '"front-door"',
            "password": '"word-of-front-door"',
            "topic": '"site/door"',
            "interval": "1",
            "snapshot_interval": "1",
            "commands": "true",
        } | changes
        return "[mqtt]\n" + "\n".join(f"{key} = {value}" for key, value in values.items())

    @asynccontextmanager
    async def warden(self) -> AsyncIterator[Warden]:
        async def connected() -> aiomqtt.Client | None:
            client = aiomqtt.Client(
                "127.0.0.1",
                self.port,
                username="warden",
                password="word-of-warden",
                tls_context=ssl.create_default_context(cafile=str(self.authority)),
            )
            try:
                await client.__aenter__()
            except aiomqtt.MqttError:
                return None
            return client

        client: aiomqtt.Client = await self._tools.eventually(connected, "the broker")
        try:
            await client.subscribe("#", qos=1)
            warden = Warden(client, self._tools)
            reading = asyncio.create_task(warden.read())
            try:
                yield warden
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
        finally:
            with suppress(aiomqtt.MqttError):  # where the test has stopped the broker
                await client.__aexit__(None, None, None)


class Warden:
    """Reads everything, remembers the last of each topic."""

    def __init__(self, client: aiomqtt.Client, tools: Tools) -> None:
        self._client = client
        self._tools = tools
        self.last: dict[str, bytes] = {}
        self.retained: set[str] = set()

    async def read(self) -> None:
        async for message in self._client.messages:
            self.last[message.topic.value] = bytes(message.payload)  # type: ignore[arg-type]  # never None here
            if message.retain:
                self.retained.add(message.topic.value)

    async def says(self, thing: str, payload: str, *, retain: bool = False) -> None:
        await self._client.publish(f"{BASE}/set/{thing}", payload, qos=1, retain=retain)

    async def hears(self, topic: str, payload: bytes) -> None:
        async def so() -> bool:
            return self.last.get(f"{BASE}/{topic}") == payload

        await self._tools.eventually(so, f"{payload!r} at {topic}")

    async def summary(self, **wanted: object) -> dict[str, Any]:
        async def so() -> dict[str, Any] | None:
            document: dict[str, Any] = json.loads(self.last.get(f"{BASE}/summary", b"{}"))
            return document if document and wanted.items() <= document.items() else None

        found: dict[str, Any] = await self._tools.eventually(so, f"{wanted} in the summary")
        return found


@pytest.fixture
async def broker(tmp_path: Path, start: Start, tools: Tools) -> Broker:
    broker = Broker(tmp_path, start, tools)
    await broker.prepare()
    return broker


async def test_a_device_at_its_broker(device: Device, broker: Broker, tools: Tools) -> None:
    await broker.run()
    async with broker.warden() as warden:
        # A command that waits at the broker may be of last week: it is not obeyed.
        await warden.says("meeting", "LEAVE", retain=True)
    program = await device.run(broker.settings())
    await device.sends()
    async with broker.warden() as warden:
        await warden.hears("availability", b"online")
        told = await warden.summary(state="joined", microphone="ON", camera="ON", health="ok")
        assert told["schema_version"] == 1
        status = json.loads(warden.last[f"{BASE}/status"])
        assert status["meeting"]["id"] == "abcd-efgh-ijkl"

        async def picture() -> bool:
            return warden.last.get(f"{BASE}/snapshot", b"").startswith(b"\xff\xd8")

        await tools.eventually(picture, "a JPEG")
        await check_discovery(warden, told)

        await warden.says("microphone", "OFF")
        await warden.summary(microphone="OFF")
        await device.sees(lambda s: {p.kind for p in s.producers} == {"video"}, "the picture alone")
        await warden.says("microphone", "ON")
        await warden.says("camera", "OFF")
        await warden.summary(microphone="ON", camera="OFF")
        await warden.says("camera", "ON")
        await device.sends()
        await warden.says("meeting", "EXPLODE")
        await warden.says("door", "OPEN")
        joins = (await device.sends()).joins
        await warden.says("meeting", "REJOIN")
        await warden.summary(state="joined", joins=joins + 1)

        program.process.kill()
        await program.process.wait()
        await warden.hears("availability", b"offline")
    # What was retained a newcomer reads at once.
    async with broker.warden() as newcomer:
        await newcomer.hears("availability", b"offline")
        await newcomer.summary()
        assert {f"{BASE}/availability", f"{BASE}/status", f"{BASE}/summary"} <= newcomer.retained
        assert f"{BASE}/snapshot" not in newcomer.retained


async def check_discovery(warden: Warden, told: dict[str, Any]) -> None:
    document = json.loads(warden.last["homeassistant/device/edgemeet-front-door/config"])
    assert document["device"]["name"] == "Front door"
    assert document["availability_topic"] in warden.last
    assert document["state_topic"] == f"{BASE}/summary"
    platforms = sorted(component["platform"] for component in document["components"].values())
    assert platforms == ["button"] * 2 + ["camera"] + ["sensor"] * 7 + ["switch"] * 2
    for component in document["components"].values():
        if "value_template" in component:
            key = component["value_template"].removeprefix("{{ value_json.").removesuffix(" }}")
            assert key in told


async def test_the_end_of_a_device_and_of_its_broker(device: Device, broker: Broker, tools: Tools) -> None:
    await broker.run()
    program = await device.run(broker.settings())
    before = await device.sends()
    async with broker.warden() as warden:
        await warden.hears("availability", b"online")
    assert broker.program is not None
    await broker.program.stop()
    gone = await device.sees(lambda s: any(h.code == "mqtt.unreachable" for h in s.health), "no broker")
    sent = sum(e.packets_sent for p in gone.producers for e in p.encodings)
    await device.sees(
        lambda s: sum(e.packets_sent for p in s.producers for e in p.encodings) > sent + 20,
        "media all the same",
    )
    await broker.run()
    async with broker.warden() as warden:
        await warden.hears("availability", b"online")
        back = await device.sees(lambda s: not s.health, "all well")
        assert (back.joins, back.attempts) == (before.joins, before.attempts)
        await program.stop()
        assert program.process.returncode == 0
        await warden.hears("availability", b"offline")
    assert "word-of-front-door" not in program.log


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"password": '"another-word"'}, "mqtt.refused"),
        ({"ca_file": '"/etc/ssl/certs/ca-certificates.crt"'}, "mqtt.tls"),
        ({"tls": "false"}, "mqtt.unreachable"),
    ],
    ids=("another password", "another authority", "no TLS"),
)
async def test_a_broker_that_will_not_have_it(
    device: Device, broker: Broker, changes: dict[str, str], code: str
) -> None:
    await broker.run()
    settings = broker.settings(**changes)
    if "tls" in changes:
        settings = "\n".join(line for line in settings.splitlines() if not line.startswith("ca_file"))
    program = await device.run(settings)
    told = await device.sees(lambda s: any(h.code == code for h in s.health), code)
    assert all(condition.hint for condition in told.health)
    await device.sends()
    assert "another-word" not in program.log
    assert "Traceback" not in program.log
