"""A driver that holds a process in the kernel, for real, and the restart of the machine. In this order."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from machine import Machine, eventually, name_of, needed
from meeting import CONFIG, ROOM, Meeting, configure

# A file system that takes what it is asked to open and never answers: who asked waits in the kernel (state D)
# and outlives SIGKILL. The numbers are of linux/fuse.h.
DRIVER = r"""
import ctypes, os, struct
LOOKUP, GETATTR, OPEN, INIT, FILE = 1, 3, 14, 26, 2
os.makedirs("/var/lib/test/driver", exist_ok=True)
fuse = os.open("/dev/fuse", os.O_RDWR)
options = f"fd={fuse},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
libc = ctypes.CDLL(None, use_errno=True)
if libc.mount(b"driver", b"/var/lib/test/driver", b"fuse", 0, options):
    raise OSError(ctypes.get_errno(), "mount")
print("mounted", flush=True)
def attributes(node):
    mode = 0o100644 if node == FILE else 0o40755
    return struct.pack("<6Q10I", node, 4096, 8, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)
while True:
    request = os.read(fuse, 1 << 20)
    _, code, unique, node = struct.unpack_from("<IIQQ", request)
    if code == INIT:
        answer = struct.pack("<4I2H2I2HI7I", 7, 31, 0, 0, 0, 0, 4096, 0, 0, 0, 0, *[0] * 7)
    elif code == LOOKUP:
        answer = struct.pack("<4Q2I", FILE, 0, 1, 1, 0, 0) + attributes(FILE)
    elif code == GETATTR:
        answer = struct.pack("<Q2I", 1, 0, 0) + attributes(node)
    else:
        continue
    os.write(fuse, struct.pack("<IiQ", 16 + len(answer), 0, unique) + answer)
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    machine = Machine(
        needed("SYSTEM_ROOTFS"),
        name_of("eh"),
        "10.213.79",
        binds=(f"--bind-ro={needed('SYSTEM_WORK')}", "--bind=/dev/fuse"),
        log=tmp_path_factory.mktemp("machine") / "console.log",
    )
    try:
        yield machine
    finally:
        machine.stop()


def held(machine: Machine) -> bool:
    status = machine.status()
    return status is not None and "device.held" in {condition["code"] for condition in status["health"]}


def test_the_meeting_goes_on_and_the_health_asks_for_a_restart(
    machine: Machine, meeting: Meeting, package: str
) -> None:
    machine.run(f"dpkg --install {package}", timeout=300)
    configure(machine, meeting)
    machine.write("/var/lib/test/driver.py", DRIVER)
    machine.run("systemd-run --unit=driver --collect python3 /var/lib/test/driver.py")
    eventually(lambda: "mounted" in machine.run("journalctl -o cat -u driver"), within=30, what="the driver")
    text = CONFIG.format(room=ROOM, url=meeting.url)
    film = 'source = "file"\ndevice = "/var/lib/test/driver/film.mp4"'
    machine.write("/etc/edgemeet/edgemeet.toml", text.replace('source = "test"', film))
    machine.run("systemctl start edgemeet.service")
    eventually(lambda: held(machine), within=90, what="a process that is held")
    # Sound, and the still in place of the picture.
    meeting.expect_media("audio", "video")
    group = machine.show("edgemeet.service", "ControlGroup")["ControlGroup"]
    of_all = f"for p in $(cat /sys/fs/cgroup{group}/cgroup.procs); do grep State: /proc/$p/status; done"
    states = machine.run(f"{of_all}; true")
    assert states.count("D (disk sleep)") == 1  # another capture of it would be held too


def test_it_leaves_the_meeting_in_time_all_the_same(machine: Machine, meeting: Meeting) -> None:
    machine.run("systemctl kill --kill-whom=main --signal=TERM edgemeet.service")
    eventually(lambda: meeting.participants() == {}, within=10, what="an empty meeting")


def test_the_machine_restarts_when_asked_and_only_by_the_service(machine: Machine) -> None:
    assert machine.run("systemctl is-active edgemeet-reboot.path").strip() == "active"
    assert machine.attempt("runuser -u nobody -- touch /run/edgemeet/reboot-wanted").returncode != 0
    assert machine.is_up()
    machine.attempt("runuser -u edgemeet -- touch /run/edgemeet/reboot-wanted")
    eventually(lambda: not machine.is_up(), within=90, what="the end of the machine")
