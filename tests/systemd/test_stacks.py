import subprocess
import sys

PROGRAM = """
import time
from edgemeet.systemd import StackDump

def a_driver_that_never_returns():
    time.sleep(60)

with StackDump({timeout}) as dump:
    {before}
    a_driver_that_never_returns()
"""


def dumped(timeout: float | None, before: str = "pass") -> str:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(timeout=timeout, before=before)],
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr
        try:
            lines = [process.stderr.readline() for _ in range(3)]
        finally:
            process.kill()
    return "".join(lines)


def test_a_hang_tells_where_it_is() -> None:
    assert "a_driver_that_never_returns" in dumped(0.4)


def test_a_loop_that_runs_is_not_taken_for_a_hung_one() -> None:
    program = (
        "import time; from edgemeet.systemd import StackDump\n"
        "with StackDump(4.0) as dump:\n"
        "    for _ in range(50): dump.put_off(); time.sleep(0.1)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert ended.stderr == ""


def test_nothing_is_armed_without_a_watchdog() -> None:
    program = (
        "import faulthandler; from edgemeet.systemd import StackDump\n"
        "with StackDump(None) as dump: dump.put_off(); print(faulthandler.is_enabled())\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert ended.stdout == "False\n"
