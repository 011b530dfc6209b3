"""What a start loads. Each module named here costs milliseconds or megabytes, and few devices need it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from aioice import mdns

from edgemeet.rtc.aiortc_parts import is_mdns_hostname

NEEDED_BY_FEW = (
    "PIL",  # snapshots for participants, stills: in a thread, or in a child
    "aiomqtt",
    "aiortc.rtcpeerconnection",
    "aiortc.rtcsctptransport",
    "av",  # libav is for the children
    "click",  # httpx's own command line
    "dns",  # aioice's, for hosts under .local
    "edgemeet.cli.app",  # the unit says `run` and nothing else, which needs no parser
    "edgemeet.doctor",
    "edgemeet.ortc.sdp",  # WHIP's
    "edgemeet.provision_server",
    "edgemeet.sandbox",
    "edgemeet.signaling.whip",
    "edgemeet.supervisor.whip_session",
    "edgemeet.telemetry.mqtt",
    "edgemeet.telemetry.remote_hands",
    "multiprocessing",
    "numpy",
    "prometheus_client",  # when metrics are first asked for
    "pygments",
    "rich",
    "sqlalchemy",
    "starlette",  # when the control socket is first asked
    "typer",
    "uvicorn",
)


def loaded(arguments: list[str], **environ: str) -> set[str]:
    """The modules that an interpreter told that it imported."""
    # Whoever measures the coverage of children has them load modules of its own.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments],
        env=inherited | environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    lines = [line for line in ended.stderr.splitlines() if line.startswith("import time:")]
    return {line.rsplit("|", 1)[1].strip() for line in lines}


def found(modules: set[str], unwanted: tuple[str, ...]) -> set[str]:
    return {name for name in unwanted if any(m == name or m.startswith(f"{name}.") for m in modules)}


def test_a_daemon_starts_without_what_few_need(tmp_path: Path) -> None:
    # What lies at the place of the control socket ends the start, after everything has been loaded.
    taken = tmp_path / "control.sock"
    taken.write_text("not a socket")
    config = tmp_path / "edgemeet.toml"
    config.touch()
    modules = loaded(
        ["-m", "edgemeet", "run"],
        EDGEMEET_CONFIG=str(config),
        EDGEMEET_CONTROL__SOCKET=str(taken),
        EDGEMEET_MEETING__ID="abcd-efgh-ijkl",
        EDGEMEET_PROVISIONING__URL="https://tokens.example/token",
        STATE_DIRECTORY=str(tmp_path),
    )
    assert {"edgemeet.daemon.run", "edgemeet.rtc.transport", "aiortc.rtcdtlstransport"} <= modules
    assert found(modules, NEEDED_BY_FEW) == set()


@pytest.mark.parametrize(
    ("command", "unwanted"),
    [
        (["--version"], ("asyncio", "cryptography", "httpx", "pydantic", "rich")),
        (["--help"], ("asyncio", "cryptography", "httpx", "pydantic")),
        (["wait", "--timeout", "0"], ("aiortc", "av", "cryptography", "httpx", "starlette", "uvicorn")),
    ],
    ids=["--version", "--help", "wait"],
)
def test_a_command_loads_what_it_needs(command: list[str], unwanted: tuple[str, ...], tmp_path: Path) -> None:
    modules = loaded(["-m", "edgemeet", *command], EDGEMEET_CONTROL__SOCKET=str(tmp_path / "none.sock"))
    assert "edgemeet.cli.app" in modules
    assert found(modules, unwanted) == set()


def test_that_no_daemon_runs_is_found_out_at_once(tmp_path: Path) -> None:
    modules = loaded(["-m", "edgemeet", "status"], EDGEMEET_CONTROL__SOCKET=str(tmp_path / "none.sock"))
    assert "edgemeet.cli.straight" in modules
    assert found(modules, ("asyncio", "edgemeet.config", "http", "pydantic", "rich", "typer")) == set()


@pytest.mark.parametrize(
    "code",
    [
        "import aiortc; assert aiortc.RTCPeerConnection; assert aiortc.__version__",
        "from aiortc import RTCPeerConnection, RTCDtlsTransport",
        "import aiortc.sdp; assert aiortc.sdp.SessionDescription",
        "from aiortc.rtcsctptransport import RTCSctpTransport",
        "from aiortc import rtcrtpsender",
        "import av; assert av.AudioFrame",
        "import aioice.mdns; assert aioice.mdns.MDNS_PORT == 5353",
        "from aioice import mdns; assert mdns.create_mdns_protocol; assert mdns.MDnsProtocol is not object",
    ],
)
def test_what_was_left_out_is_there_for_who_asks(code: str) -> None:
    before = "import sys, edgemeet.rtc; assert not {'av', 'dns', 'aiortc.mediastreams'} & set(sys.modules)\n"
    same = "\nimport aiortc, edgemeet.rtc.aiortc_private as p"
    same += "\nassert issubclass(p.SrtpTransport, aiortc.RTCDtlsTransport)"
    subprocess.run([sys.executable, "-c", before + code + same], timeout=60, check=True)


def test_what_is_not_there_is_missed_as_usual() -> None:
    code = "import edgemeet.rtc, aiortc; assert not hasattr(aiortc, 'nonsense'); assert aiortc.RTCRtpSender"
    subprocess.run([sys.executable, "-c", code], timeout=60, check=True)


@pytest.mark.parametrize(
    "name",
    [
        "12345678-1234-1234-1234-123456789abc.local",
        "host.local",
        "a.b.local",
        "host.local.",
        "host.LOCAL",
        "10.0.0.1",
        "fe80::1",
        "media.example",
        "",
    ],
)
def test_hosts_under_local_are_told_as_aioice_tells_them(name: str) -> None:
    assert is_mdns_hostname(name) == mdns.is_mdns_hostname(name)
