"""A booted systemd, the package, and a meeting in another network namespace: see `scripts/test-system`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from machine import Machine, name_of, needed
from meeting import Meeting, configure


@pytest.fixture(scope="session")
def package() -> str:
    return needed("SYSTEM_DEB")


@pytest.fixture(scope="session")
def newer_package() -> str:
    return needed("SYSTEM_NEWER_DEB")


def boot(name: str, network: str, log: Path) -> Machine:
    binds = (f"--bind-ro={needed('SYSTEM_WORK')}",)
    return Machine(needed("SYSTEM_ROOTFS"), name, network, binds=binds, log=log)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A fresh one for each file."""
    machine = boot(name_of("em"), "10.213.77", tmp_path_factory.mktemp("machine") / "console.log")
    try:
        yield machine
    finally:
        machine.stop()


@pytest.fixture(scope="module")
def meeting(machine: Machine) -> Iterator[Meeting]:
    meeting = Meeting(machine.host_address)
    try:
        yield meeting
    finally:
        meeting.stop()


@pytest.fixture(scope="module")
def installed(machine: Machine, meeting: Meeting, package: str) -> Machine:
    """A machine with the package, configured and in the meeting."""
    machine.run(f"dpkg --install {package}", timeout=300)
    configure(machine, meeting)
    machine.run("systemctl start edgemeet.service", timeout=120)
    return machine
