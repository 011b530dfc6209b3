"""The parts of aiortc and aioice that are used, loaded without the rest.

`import aiortc` loads peer connections, codecs, SCTP, and libav with all its libraries; aioice loads a DNS
library for candidates that name hosts under .local, which no media server has. Together that is a quarter of
the daemon's start and 30 MB, in a process that never sees a picture. So what is left out is loaded when
something of it is asked for, and whoever writes `from aiortc import ...` notices nothing.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec, module_from_spec
from types import ModuleType


class Postponed:
    """A module that stands in `sys.modules` without having run.

    Args:
        spec: what to run.
        known: attributes that can be had before.
    """

    def __init__(self, spec: ModuleSpec, **known: object) -> None:
        self._spec = spec
        self._module = module_from_spec(spec)
        self._module.__dict__.update(known)
        self._path: object = None
        sys.modules[spec.name] = self._module

    def wait(self) -> None:
        """Run when an attribute is wanted that is not there yet, or another submodule."""
        # Without a path no submodule is found, so that the import system asks for it first.
        self._path = self._module.__dict__.pop("__path__", None)
        self._module.__dict__["__getattr__"] = self._attribute  # PEP 562

    def _attribute(self, wanted: str) -> object:
        module, loader = self._module, self._spec.loader
        waiting = module.__dict__.get("__getattr__") == self._attribute
        # inspect and the import system ask for more of such names; they are no reason to load anything.
        reason = not wanted.startswith("__") or wanted in {"__version__", "__path__"}
        if not waiting or not reason or loader is None:
            raise AttributeError(f"module {self._spec.name!r} has no attribute {wanted!r}")
        del module.__dict__["__getattr__"]
        if self._path is not None:
            module.__dict__["__path__"] = self._path
        loader.exec_module(module)
        return getattr(module, wanted)


@contextmanager
def _without_package(name: str) -> Iterator[None]:
    """Import submodules of a package, and postpone the package itself."""
    spec = find_spec(name) if name not in sys.modules else None
    if spec is None:
        yield  # it is loaded already, or not there: the imports say so
        return
    package = Postponed(spec)
    try:
        yield
    except BaseException:
        del sys.modules[name]
        raise
    package.wait()


def _postpone_mdns() -> None:
    package = find_spec("aioice") if "aioice" not in sys.modules else None
    spec = PathFinder.find_spec("aioice.mdns", package.submodule_search_locations) if package else None
    if spec is not None:
        # Asked for each candidate, and named in an annotation. tests/rtc compares them with aioice's.
        Postponed(spec, is_mdns_hostname=is_mdns_hostname, MDnsProtocol=object).wait()


def is_mdns_hostname(name: str) -> bool:
    """As aioice's: the host of a candidate is a UUID under .local."""
    return _MDNS_HOSTNAME.match(name) is not None


@contextmanager
def _without_av() -> Iterator[None]:
    """aiortc.rtp imports libav for one annotation."""
    if "av" in sys.modules:
        yield
        return
    stand_in = ModuleType("av")
    stand_in.__dict__["AudioFrame"] = object
    sys.modules["av"] = stand_in
    try:
        yield
    finally:
        del sys.modules["av"]


_MDNS_HOSTNAME = re.compile(r"^[a-zA-Z0-9-]{1,63}\.local$")
_postpone_mdns()
with _without_package("aiortc"), _without_av():
    from aioice import Candidate
    from aioice import ice as aioice_ice
    from aioice import stun as aioice_stun
    from aioice.candidate import candidate_foundation, candidate_priority
    from aiortc.rtcdtlstransport import (
        X509_DIGEST_ALGORITHMS,
        RTCCertificate,
        RTCDtlsFingerprint,
        RTCDtlsParameters,
        RTCDtlsTransport,
        State,
    )
    from aiortc.rtcicetransport import (
        RTCIceCandidate,
        RTCIceGatherer,
        RTCIceParameters,
        RTCIceTransport,
        parse_stun_turn_uri,
    )
    from aiortc.rtp import is_rtcp

# What importing it would have done.
sys.modules["aioice"].__dict__.setdefault("mdns", sys.modules["aioice.mdns"])

__all__ = [
    "X509_DIGEST_ALGORITHMS",
    "Candidate",
    "RTCCertificate",
    "RTCDtlsFingerprint",
    "RTCDtlsParameters",
    "RTCDtlsTransport",
    "RTCIceCandidate",
    "RTCIceGatherer",
    "RTCIceParameters",
    "RTCIceTransport",
    "State",
    "aioice_ice",
    "aioice_stun",
    "candidate_foundation",
    "candidate_priority",
    "is_rtcp",
    "parse_stun_turn_uri",
]
