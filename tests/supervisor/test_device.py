"""A device that is turned on and off, with captures of the test's own and with real ones."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from edgemeet.encoded import VideoEncoding
from edgemeet.errors import DeviceFailed, DeviceNotFound
from edgemeet.health import HealthRegistry, Severity
from edgemeet.media.capture import CaptureProcess
from edgemeet.media.plan import camera_plan, microphone_plan
from edgemeet.media.status import CaptureStatus
from edgemeet.supervisor import Device, DeviceHealth, Hand
from edgemeet.supervisor.device_health import GRACE, complaint

CAMERA = camera_plan(source="test", width=320, height=180, encodings=[VideoEncoding(320, 180, 30, 300_000)])
LOST = DeviceNotFound("there is no camera")


def status(state="running", error=None, signal="ok"):
    return CaptureStatus(
        "video", state, "test", "libx264", 320, 180, 30, 0, 0, 0, error, None, None, signal=signal
    )


class FakeCapture:
    """Captures nothing; remembers what it was told."""

    def __init__(self) -> None:
        self.running = False
        self.muted = False
        self.sink = None
        self.now = status()

    async def run(self) -> None:
        self.running = True
        try:
            await asyncio.Event().wait()
        finally:
            self.running = False

    def attach(self, sink) -> None:
        self.sink = sink

    def detach(self) -> None:
        self.sink = None

    def request_keyframe(self, layer) -> None: ...

    def set_bitrate(self, layer, bits_per_second) -> None: ...

    def set_muted(self, muted) -> None:
        self.muted = muted

    def status(self):
        return self.now

    async def snapshot(self) -> bytes:
        return b"jpeg"


class Rig:
    def __init__(self, kind="audio", **options) -> None:
        self.captures: list[FakeCapture] = []
        self.turns = 0
        self.device = Device(kind, self.make, **{"on": True, **options})
        self.device.listen(self.turned)

    def make(self, _) -> FakeCapture:
        self.captures.append(FakeCapture())
        return self.captures[-1]

    def turned(self) -> None:
        self.turns += 1

    @property
    def open(self) -> bool:
        assert sum(capture.running for capture in self.captures) <= 1
        return any(capture.running for capture in self.captures)


@contextlib.asynccontextmanager
async def running(device: Device) -> AsyncIterator[None]:
    task = asyncio.create_task(device.run())
    try:
        await settle()
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def test_off_closes_and_a_host_cannot_open_what_the_operator_closed() -> None:
    rig = Rig()
    async with running(rig.device):
        assert rig.open
        assert rig.device.switch(on=False)
        await settle()
        assert not rig.open
        assert not rig.device.switch(on=True, by=Hand.HOST)
        await settle()
        assert not rig.open
        assert rig.device.held_off_by == {Hand.OPERATOR}
        assert rig.device.switch(on=True)
        await settle()
        assert rig.open
        assert rig.turns == 2


async def test_off_from_the_start_is_not_opened() -> None:
    rig = Rig(on=False, mute_to_silence=True)
    async with running(rig.device):
        assert rig.captures == []
        assert not rig.device.published
        assert rig.device.held_off_by == {Hand.CONFIG}
        rig.device.switch(on=True, by=Hand.HOST)
        await settle()
        assert rig.open
        assert not rig.captures[0].muted


async def test_muted_to_silence_it_stays_open_and_published() -> None:
    rig = Rig(mute_to_silence=True)
    async with running(rig.device):
        rig.device.switch(on=False)
        await settle()
        assert (rig.open, rig.device.published, rig.device.on) == (True, True, False)
        assert rig.captures[0].muted
        rig.device.switch(on=True)
        assert not rig.captures[0].muted
        assert (len(rig.captures), rig.turns) == (1, 0)


async def test_a_hosts_off_closes_even_what_was_muted_to_silence() -> None:
    rig = Rig(mute_to_silence=True)
    async with running(rig.device):
        rig.device.switch(on=False)
        rig.device.switch(on=False, by=Hand.HOST)
        await settle()
        assert (rig.open, rig.device.published) == (False, False)
        rig.device.switch(on=True, by=Hand.HOST)
        await settle()
        assert not rig.open
        rig.device.switch(on=True)
        await settle()
        assert rig.open
        assert not rig.captures[-1].muted


async def test_a_capture_that_is_begun_while_muted_is_muted() -> None:
    rig = Rig(mute_to_silence=True)
    rig.device.switch(on=False)
    async with running(rig.device):
        assert rig.open
        assert rig.captures[0].muted


async def test_an_off_camera_has_no_child_process() -> None:
    """The light of a camera goes out when nobody holds the device open."""
    device = Device("video", lambda _: CaptureProcess(CAMERA), on=True)
    async with running(device):
        await until(lambda: (s := device.status()) and s.state == "running")
        pid = device.status().pid
        assert pid in children()
        device.switch(on=False)
        await until(lambda: device.status() is None)
        assert children() == []
        device.switch(on=True)
        await until(lambda: (s := device.status()) and s.state == "running")


async def test_a_closed_microphone_has_no_child_process() -> None:
    device = Device("audio", lambda _: CaptureProcess(microphone_plan(source="tone")), on=True)
    async with running(device):
        await until(lambda: (s := device.status()) and s.state == "running")
        device.switch(on=False, by=Hand.HOST)
        await until(lambda: children() == [])


def children() -> list[int]:
    tasks = Path("/proc/self/task").iterdir()
    return [int(pid) for task in tasks for pid in (task / "children").read_text().split()]


async def test_snapshots_are_of_an_open_camera_only() -> None:
    rig = Rig("video")
    with pytest.raises(DeviceFailed) as caught:
        await rig.device.snapshot()
    assert caught.value.code == "snapshot.camera_lost"
    async with running(rig.device):
        assert await rig.device.snapshot() == b"jpeg"
        rig.device.switch(on=False, by=Hand.HOST)
        with pytest.raises(DeviceFailed, match="turned off by: host") as caught:
            await rig.device.snapshot()
        assert caught.value.code == "snapshot.camera_off"


@pytest.mark.parametrize(
    ("seen", "not_running_for", "code", "severity"),
    [
        (None, 99, None, None),
        (status(), 0, None, None),
        (status("starting"), 99, None, None),
        (status(error=LOST), 0, None, None),
        (status("waiting", LOST), GRACE / 2, None, None),
        (status("waiting", LOST), GRACE, "device.not_found", Severity.ERROR),
        (status("starting", LOST), GRACE, "device.not_found", Severity.ERROR),
        (status(signal="silent"), 0, "device.silent", Severity.WARNING),
        (status(signal="frozen"), 0, "device.frozen", Severity.WARNING),
        (status(signal="black"), 0, "device.black", Severity.WARNING),
    ],
)
def test_complaints(seen, not_running_for, code, severity) -> None:
    found = complaint(seen, not_running_for)
    assert (found[0].code if found else None, found[1] if found else None) == (code, severity)


async def test_a_condition_is_written_once_and_cleared_when_well(caplog) -> None:
    caplog.set_level("INFO", logger="edgemeet.supervisor.device_health")
    now = 0.0
    rig = Rig("video")
    registry = HealthRegistry()
    watch = DeviceHealth((rig.device,), registry, clock=lambda: now)

    def look(seconds: float, looked: CaptureStatus) -> list[str]:
        nonlocal now
        now += seconds
        rig.captures[0].now = looked
        watch.look()
        return [condition.code for condition in registry.conditions()]

    async with running(rig.device):
        assert look(10, status()) == []
        assert look(0.5, status(signal="frozen")) == ["device.frozen"]
        assert look(0.5, status(signal="frozen")) == ["device.frozen"]
        assert look(0.5, status()) == []
        assert look(1, status("waiting", LOST)) == []
        assert look(1, status("waiting", LOST)) == ["device.not_found"]
        assert look(1, status("starting", LOST)) == ["device.not_found"]
        assert look(0.5, status()) == []
        assert look(9, status("waiting", LOST)) == ["device.not_found"]
        rig.device.switch(on=False)
        await settle()
        watch.look()
        assert registry.conditions() == ()
    lines = [record.getMessage() for record in caplog.records]
    assert [line for line in lines if "device.frozen" in line] == [
        "the camera gives the same picture again and again (device.frozen)"
    ]
    assert sum("is well again" in line for line in lines) == 3
