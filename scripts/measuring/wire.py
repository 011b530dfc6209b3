"""A network of its own for a sender that uses no loopback, at the other end of a virtual cable."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

HERE: Final = "10.216.1.1"  # this machine's end
_THERE: Final = "10.216.1.2"
_DEADLINE: Final = 20.0  # seconds


@dataclass(frozen=True, slots=True)
class Wire:
    """Made by `wire`."""

    holder: int  # the process whose network it is

    def inside(self, *command: str) -> tuple[str, ...]:
        """`command` in that network, which becomes the process that is started."""
        return ("nsenter", f"--net=/proc/{self.holder}/ns/net", *command)


@contextlib.contextmanager
def wire() -> Iterator[Wire]:
    """Lay it. Needs root. It goes with a process that ends when this one does, however that ends.

    Raises:
        subprocess.SubprocessError: it could not be laid.
    """
    script = "ip link set lo up && echo && exec cat"
    with subprocess.Popen(
        ("unshare", "--net", "sh", "-c", script), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdin is not None
            holder.stdout.readline()
            made = Wire(holder.pid)
            link = f"bench{os.getpid() % 100_000}"
            _run("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", str(holder.pid))
            _run("ip", "addr", "add", f"{HERE}/30", "dev", link)
            _run("ip", "link", "set", link, "up")
            _run(*made.inside("ip", "addr", "add", f"{_THERE}/30", "dev", "eth0"))
            _run(*made.inside("ip", "link", "set", "eth0", "up"))
            yield made
        finally:
            holder.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                holder.wait(_DEADLINE)
            holder.kill()


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=_DEADLINE)
