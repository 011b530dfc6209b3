"""The service with real libcamera and picamera2 under its hardening: libcamera's virtual camera."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from machine import Machine, name_of, needed
from meeting import CONFIG, ROOM, Meeting, configure

PACKAGES = "opt/edgemeet/lib/python3.13/site-packages"

# picamera2 comes from a folder of the rig here, from apt on a Raspberry Pi.
DROP_IN = """\
[Service]
Environment=PYTHONPATH=/opt/camera LD_PRELOAD=/usr/local/lib/virtual_camera.so LIBCAMERA_LOG_LEVELS=*:ERROR
Environment=VIRTUAL_CAMERA_STALL=/var/lib/test/stall
"""


@pytest.fixture(scope="module")
def rootfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The rootfs that boots, over the one with libcamera: both are trixie."""
    below, devices = needed("SYSTEM_ROOTFS"), needed("SYSTEM_DEVICES_ROOTFS")
    work = tmp_path_factory.mktemp("camera")
    merged, hidden = work / "merged", work / "hidden"
    merged.mkdir()
    (hidden / "opt").mkdir(parents=True)
    # Nothing of what the device rig has there: an overlay takes such a file for "deleted".
    os.mknod(hidden / "opt/edgemeet", 0o020000, 0)
    layers = f"lowerdir={hidden}:{below}:{devices}"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", layers, merged], check=True)
    try:
        yield merged
    finally:
        subprocess.run(["umount", merged], check=True)


@pytest.fixture(scope="module")
def machine(rootfs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    devices = Path(needed("SYSTEM_DEVICES_ROOTFS"))
    machine = Machine(
        str(rootfs),
        name_of("ec"),
        "10.213.78",
        binds=(f"--bind-ro={needed('SYSTEM_WORK')}", f"--bind-ro={devices / PACKAGES}:/opt/camera"),
        log=tmp_path_factory.mktemp("machine") / "console.log",
    )
    try:
        machine.run("ldconfig")
        yield machine
    finally:
        machine.stop()


def test_the_cameras_picture_arrives_under_full_hardening(
    machine: Machine, meeting: Meeting, package: str
) -> None:
    machine.run(f"dpkg --install {package}", timeout=300)
    configure(machine, meeting)
    text = CONFIG.format(room=ROOM, url=meeting.url).replace('source = "test"', 'source = "auto"')
    machine.write("/etc/edgemeet/edgemeet.toml", text)
    machine.write("/etc/systemd/system/edgemeet.service.d/camera.conf", DROP_IN)
    machine.run("systemctl daemon-reload && systemctl start edgemeet.service")
    meeting.expect_media("audio", "video")
    status = machine.status()
    assert status is not None
    camera = next(capture for capture in status["captures"] if capture["kind"] == "video")
    assert camera["source"] == "picamera2 Virtual bars (Virtual0)"
    assert not camera["placeholder"]
    assert status["health"] == []
    log = machine.journal()
    assert "Traceback" not in log
    assert "Operation not permitted" not in log
