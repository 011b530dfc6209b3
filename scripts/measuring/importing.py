"""What a program imports, and how long it takes: what `python -X importtime` tells, summed by package."""

from __future__ import annotations

import re
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_LINE = re.compile(r"(?m)^import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)")
_PARTS = 2  # of a name that make a package here: edgemeet.rtc, google.protobuf


@dataclass(frozen=True)
class Package:
    """Its own modules, without what they import of others."""

    name: str
    modules: int
    seconds: float


@dataclass(frozen=True)
class Import:
    """All of them, the slowest packages first."""

    packages: Sequence[Package]

    @property
    def seconds(self) -> float:
        return sum(each.seconds for each in self.packages)

    @property
    def modules(self) -> int:
        return sum(each.modules for each in self.packages)


# Makes each Python that is started so write what -X importtime writes, to its standard error.
ASKED: Final = {"PYTHONPROFILEIMPORTTIME": "1"}


def read(text: str) -> Import:
    """What `-X importtime` wrote: microseconds that each module took itself."""
    micros: dict[str, int] = defaultdict(int)
    modules: Counter[str] = Counter()
    for own, module in _LINE.findall(text):
        name = _package(module)
        micros[name] += int(own)
        modules[name] += 1
    slowest = sorted(micros, key=lambda name: -micros[name])
    return Import([Package(name, modules[name], micros[name] / 1e6) for name in slowest])


def _package(module: str) -> str:
    first, *_ = module.split(".")
    if first == "edgemeet":
        return ".".join(module.split(".")[:_PARTS])
    return "Python itself" if first.lstrip("_") in _STANDARD or first in _STANDARD else first


_STANDARD = sys.stdlib_module_names
