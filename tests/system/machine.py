"""A Debian machine with systemd as PID 1: systemd-nspawn under an overlay that is thrown away."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest

T = TypeVar("T")


def eventually(look: Callable[[], T | None], *, within: float, what: str) -> T:
    """What `look` returns once it is not None and not False."""
    deadline = time.monotonic() + within
    while True:
        found = look()
        if found is not None and found is not False:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not seen within {within:g} s: {what}")
        time.sleep(0.1)


def needed(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        pytest.fail(f"${name} is not set: run scripts/test-system")
    return value


def name_of(kind: str) -> str:
    """A machine's name that no other run has, short enough for a network interface."""
    return kind + Path(needed("SYSTEM_WORK")).name.rpartition(".")[2]


class Machine:
    """Boots at once.

    Args:
        rootfs: of the system; not written to.
        name: of the machine, at most 11 characters; also in the name of its network interface.
        network: the first three numbers of its network; the host is .1, the machine .2.
        binds: further arguments of systemd-nspawn, for what it sees of the host.
        log: where its console goes.
    """

    def __init__(self, rootfs: str, name: str, network: str, *, binds: tuple[str, ...], log: Path) -> None:
        self.host_address, self.address = f"{network}.1", f"{network}.2"
        self._log = log
        self._interface = f"ve-{name}"
        self._leader: int | None = None
        arguments = [
            "systemd-nspawn",
            "--quiet",
            "--boot",
            f"--directory={rootfs}",
            "--volatile=overlay",
            "--private-users=no",
            "--register=no",
            "--keep-unit",
            "--console=read-only",
            "--network-veth",
            f"--machine={name}",
            *binds,
        ]
        with log.open("wb") as console:
            self._nspawn = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=os.environ | {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
            )
        try:
            self._leader = eventually(self._find_leader, within=30, what="the machine's PID 1")
            self._connect()
            eventually(self._booted, within=60, what="a booted machine")
        except BaseException:
            self.stop()
            raise

    def _find_leader(self) -> int | None:
        assert self._nspawn.poll() is None, self._log.read_text(errors="replace")
        children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children").read_text().split()
        for child in children:
            with suppress(OSError):
                if Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                    return int(child)
        return None

    def _connect(self) -> None:
        """nspawn leaves both ends of the cable without addresses."""
        subprocess.run(
            ["ip", "address", "add", f"{self.host_address}/24", "dev", self._interface], check=True
        )
        subprocess.run(["ip", "link", "set", self._interface, "up"], check=True)
        inside = ["nsenter", "-t", str(self._leader), "-n", "ip"]
        subprocess.run([*inside, "address", "add", f"{self.address}/24", "dev", "host0"], check=True)
        subprocess.run([*inside, "link", "set", "host0", "up"], check=True)

    def _booted(self) -> bool:
        state = self.run("systemctl is-system-running", check=False).strip()
        return state in {"running", "degraded"}

    def attempt(self, command: str, *, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a shell command in the machine, as root."""
        return subprocess.run(
            ["nsenter", "-t", str(self._leader), "-a", "env", "-i", *ENVIRONMENT, "sh", "-c", command],
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )

    def run(self, command: str, *, check: bool = True, timeout: float = 120) -> str:
        """What a shell command prints; it must succeed."""
        done = self.attempt(command, timeout=timeout)
        if check and done.returncode != 0:
            raise AssertionError(f"{command}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def write(self, path: str, text: str) -> None:
        """Replace a file, with its mode and owner if it is there."""
        self.run(f"mkdir -p {shlex.quote(str(Path(path).parent))}; printf %s {shlex.quote(text)} > {path}")

    def show(self, unit: str, *properties: str) -> dict[str, str]:
        """What `systemctl show` tells."""
        wanted = ",".join(properties)
        lines = self.run(f"systemctl show --property={wanted} {unit}").splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def main_pid(self) -> int:
        """Of the service; 0 when it does not run."""
        return int(self.show("edgemeet.service", "MainPID")["MainPID"])

    def status(self) -> dict[str, Any] | None:
        """`edgemeet status --json`, or None while there is no answer."""
        done = self.attempt("edgemeet status --json")
        return json.loads(done.stdout) if done.returncode == 0 else None

    def journal(self, since: str = "") -> str:
        """The service's log."""
        return self.run(f"journalctl --no-pager -o cat -u edgemeet.service {since}")

    def is_up(self) -> bool:
        """Its first process runs, the one that was found when it booted."""
        try:
            state = Path(f"/proc/{self._leader}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return False
        return state != "Z"

    def stop(self) -> None:
        """As if the power failed."""
        if self._nspawn.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._nspawn.pid, signal.SIGKILL)
        self._nspawn.wait(30)
        if self._leader is not None:
            # The kernel ends all others of the machine with it.
            with suppress(ProcessLookupError):
                os.kill(self._leader, signal.SIGKILL)
            eventually(lambda: not self.is_up(), within=30, what="the end of the machine")
        # The kernel frees the machine's network in its own time; the next one needs name and addresses.
        subprocess.run(["ip", "link", "delete", self._interface], check=False, stderr=subprocess.DEVNULL)


ENVIRONMENT = (
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG=C.UTF-8",
    "HOME=/root",
)
