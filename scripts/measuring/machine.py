"""What the figures were taken on."""

from __future__ import annotations

import os
import platform
import re
from importlib import metadata
from pathlib import Path

from pydantic import BaseModel, ConfigDict


class Machine(BaseModel):
    """Processor, cores, memory in megabytes, and how busy it was when the figures were written down."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    processor: str
    cores: int
    memory_mb: int
    kernel: str
    python: str
    load: float

    @classmethod
    def this(cls) -> Machine:
        """The one this runs on."""
        return cls(
            processor=_processor(),
            cores=len(os.sched_getaffinity(0)),
            memory_mb=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 1_000_000,
            kernel=re.split(r"[-+]", platform.release())[0],
            python=platform.python_version(),
            load=round(os.getloadavg()[0], 1),
        )

    def line(self) -> str:
        """For a person."""
        return (
            f"{self.cores} cores of {self.processor}, {self.memory_mb / 1000:.0f} GB, Linux {self.kernel}, "
            f"Python {self.python}; load {self.load:g} at the end"
        )


class Version(BaseModel):
    """What took part."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: str


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() in {"model name", "Model"}:  # x86, and Raspberry Pis
            return f"{value.strip()} ({platform.machine()})"
    return platform.machine()


def installed(*packages: str) -> tuple[Version, ...]:
    """The versions of Python packages of this environment."""
    return tuple(Version(name=name, version=metadata.version(name)) for name in packages)
