"""The provisioning server's unit, as systemd itself reads it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

UNIT = Path(__file__).parents[2] / "systemd" / "edgemeet-provision.service"
# Issued by systemd-analyze security: 10 is a service without any sandboxing.
WORST_EXPOSURE = 2.0


def analyze(*arguments: str) -> str:
    done = subprocess.run(
        ["systemd-analyze", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"},
    )
    return (done.stdout + done.stderr).strip()


def test_systemd_finds_no_fault(tmp_path: Path) -> None:
    system = tmp_path / "etc/systemd/system"
    system.mkdir(parents=True)
    shutil.copy(UNIT, system)
    program = tmp_path / "opt/edgemeet/bin/edgemeet"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    vendor = tmp_path / "usr/lib/systemd/system"
    vendor.mkdir(parents=True)
    for unit in Path("/usr/lib/systemd/system").glob("*.target"):
        shutil.copy(unit, vendor, follow_symlinks=True)
    path = "/etc/systemd/system/edgemeet-provision.service"
    assert analyze("verify", "--man=no", f"--root={tmp_path}", path) == ""


def test_the_sandbox_is_tight() -> None:
    verdict = analyze("security", "--offline=yes", "--no-pager", str(UNIT))
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", verdict)
    assert found, verdict
    assert float(found[1]) <= WORST_EXPOSURE
