"""A device behind a home router that gets worse. `./scripts/test-network` runs this."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from uplink.stage import Stage, open_stage


@pytest.fixture
async def stage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stage]:
    """On the sandbox; `request.param` is the device's configuration as variables, without EDGEMEET_."""
    async with open_stage(tmp_path, **getattr(request, "param", {})) as stage:
        yield stage


@pytest.fixture
def tell(request: pytest.FixtureRequest, capfd: pytest.CaptureFixture[str]) -> Callable[[object], None]:
    """Prints what was seen, whether the test passes or not."""
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")

    def write(seen: object) -> None:
        if reporter is not None:
            with capfd.disabled():
                reporter.write_line(f"\n{request.node.name}\n{seen}")

    return write
