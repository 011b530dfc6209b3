"""Processor time and memory, of real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from measuring.processes import memory, spent, tree

BUSY = "import time\nwhile time.process_time() < 0.3: pass\nprint('done', flush=True)\ninput()"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BUSY!r}])"


@pytest.fixture
def parent() -> Iterator[int]:
    """A process that waits for its child, which has used 0.3 s of the processor."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "done\n"
        yield process.pid
        process.communicate("\n", timeout=30)


def test_children_are_counted_apart(parent: int) -> None:
    before = spent(os.getpid())
    assert len(tree(parent)) == 2
    now = spent(parent)
    child = sum(seconds for pid, seconds in now.seconds.items() if pid != parent)
    assert child >= 0.25
    nothing = type(now)(parent, dict.fromkeys(now.seconds, 0.0))
    use = now.since(nothing)
    assert use.children == pytest.approx(child)
    assert use.all == pytest.approx(use.parent + use.children)
    assert spent(os.getpid()).since(before).children < 0.25, "what ran before is not counted"


def test_memory_is_that_of_all_processes(parent: int) -> None:
    whole, own = memory(parent), memory(parent, below=False)
    assert (whole.processes, own.processes) == (2, 1)
    assert 1 < own.resident < whole.resident
    assert whole.proportional < whole.resident
