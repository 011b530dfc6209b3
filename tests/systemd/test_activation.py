import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgemeet.systemd import activated_socket


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(tmp_path / "control.sock"))
        opened.listen()
        yield opened


def environment(count: str = "1", pid: int | None = None) -> dict[str, str]:
    return {"LISTEN_PID": str(pid or os.getpid()), "LISTEN_FDS": count, "LISTEN_FDNAMES": "x", "HOME": "/"}


def test_the_passed_socket_is_taken_and_answers(listener: socket.socket, tmp_path: Path) -> None:
    environ = environment()
    passed = os.dup(listener.fileno())
    os.set_inheritable(passed, True)
    taken = activated_socket(tmp_path / "control.sock", environ=environ, first=passed)
    assert taken is not None
    with taken, socket.socket(socket.AF_UNIX) as client:
        assert not taken.get_inheritable()
        client.connect(str(tmp_path / "control.sock"))
        connection, _ = taken.accept()
        connection.close()
    assert environ == {"HOME": "/"}


@pytest.mark.parametrize("count", ["", "0", "-1", "x", "9" * 30, "²"])
def test_nothing_is_taken_without_a_sane_count(count: str, tmp_path: Path) -> None:
    assert activated_socket(tmp_path / "control.sock", environ=environment(count), first=10_000) is None


def test_sockets_for_another_process_are_left_alone(listener: socket.socket, tmp_path: Path) -> None:
    environ = environment(pid=1)
    assert activated_socket(tmp_path / "control.sock", environ=environ, first=listener.fileno()) is None
    assert environ == {"HOME": "/"}
    listener.getsockname()


def test_a_socket_elsewhere_is_left_open_and_unused(listener: socket.socket, tmp_path: Path) -> None:
    found = activated_socket(tmp_path / "other.sock", environ=environment(), first=listener.fileno())
    assert found is None
    assert listener.getsockname() == str(tmp_path / "control.sock")


def test_what_is_no_socket_is_left_open(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file:
        assert activated_socket(tmp_path / "x", environ=environment(), first=file.fileno()) is None
        file.write("still open")


def test_a_program_started_as_systemd_does_it(listener: socket.socket, tmp_path: Path) -> None:
    program = (
        "import os, sys; os.dup2(int(sys.argv[2]), 3); os.environ |= {'LISTEN_PID': str(os.getpid()), "
        "'LISTEN_FDS': '1'}; from pathlib import Path; from edgemeet.systemd import activated_socket; "
        "taken = activated_socket(Path(sys.argv[1])); print(taken.fileno(), 'LISTEN_FDS' in os.environ); "
        "taken.close()"
    )
    arguments = [sys.executable, "-c", program, str(tmp_path / "control.sock"), str(listener.fileno())]
    ended = subprocess.run(
        arguments, pass_fds=[listener.fileno()], capture_output=True, text=True, check=True, timeout=60
    )
    assert ended.stdout.split() == ["3", "False"]
