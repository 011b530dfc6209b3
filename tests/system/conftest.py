"""A booted systemd, the package, and a meeting in another network namespace: see `scripts/test-system`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from machine import Machine
from meeting import Meeting, configure


def needed(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        pytest.fail(f"${name} is not set: run scripts/test-system")
    return value


@pytest.fixture(scope="session")
def package() -> str:
    return needed("SYSTEM_DEB")


@pytest.fixture(scope="session")
def newer_package() -> str:
    return needed("SYSTEM_NEWER_DEB")


def boot(name: str, network: str, log: Path) -> Machine:
    packages = tuple(str(Path(needed(variable)).parent) for variable in ("SYSTEM_DEB", "SYSTEM_NEWER_DEB"))
    return Machine(needed("SYSTEM_ROOTFS"), name, network, shared=packages, log=log)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Machine]:
    """A fresh one for each file."""
    name = f"em{os.getpid() % 10000}"
    machine = boot(name, "10.213.77", tmp_path_factory.mktemp("machine") / "console.log")
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
