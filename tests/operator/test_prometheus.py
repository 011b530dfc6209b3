"""Real Prometheus reads a running daemon; the dashboard's queries all find something, the alerts are good."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from tests.operator.conftest import Device, Start, Tools

ROOT = Path(__file__).parents[2]
ALERTS = ROOT / "config" / "prometheus-alerts.yml"
DASHBOARD = ROOT / "config" / "grafana-dashboard.json"
HAS_SENSOR = Path("/sys/class/thermal/thermal_zone0/temp").exists()

pytestmark = [pytest.mark.operator, pytest.mark.timeout(240)]

SCRAPE = """\
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: ["{alerts}"]
scrape_configs:
  - job_name: edgemeet
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


def queries() -> list[str]:
    dashboard = json.loads(DASHBOARD.read_text())
    found = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    return [
        query.replace("$device", ".*").replace("$__rate_interval", "30s").replace("$__range", "1m")
        for query in found
    ]


async def test_the_alerts_fire_when_they_should(tools: Tools) -> None:
    assert "rules found" in await tools.output("promtool", "check", "rules", ALERTS)
    assert "SUCCESS" in await tools.output(
        "promtool", "test", "rules", Path(__file__).parent / "alerts_test.yml"
    )


async def test_prometheus_sees_the_device(device: Device, start: Start, tools: Tools, tmp_path: Path) -> None:
    port, own = tools.free_port(), tools.free_port()
    await device.run(f"[metrics]\nport = {port}")
    await device.sends()
    config = tmp_path / "prometheus.yml"
    config.write_text(SCRAPE.format(alerts=ALERTS, port=port))
    await tools.output("promtool", "check", "config", config)
    prometheus = await start(
        "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={tmp_path / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{own}",
    )
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{own}/api/v1", timeout=20) as client:

        async def ask(query: str) -> list[Any]:
            try:
                response = await client.get("/query", params={"query": query})
            except httpx.TransportError:
                assert prometheus.process.returncode is None, prometheus.log
                return []
            if response.status_code == 503:
                return []
            document = response.json()
            assert document["status"] == "success", (query, document)
            result: list[Any] = document["data"]["result"]
            return result

        async def moves() -> bool:
            return bool(await ask('rate(edgemeet_frames_sent_total{kind="video"}[10s]) > 3'))

        await tools.eventually(moves, "pictures, counted by Prometheus", within=90)
        for query in queries():
            if "temperature" in query and not HAS_SENSOR:
                continue  # a machine without a sensor; the test of the metrics has a file for it
            assert await ask(query), f"no data: {query}"
        rules = (await client.get("/rules")).json()["data"]["groups"][0]["rules"]
        assert len(rules) == len(re.findall(r"- alert:", ALERTS.read_text()))
        assert {rule["health"] for rule in rules} <= {"ok", "unknown"}

        # What happens to the device is seen: the room ends, it waits; the counter of causes tells why.
        await device.order("close-room", room_id="abcd-efgh-ijkl")

        async def told() -> bool:
            return bool(await ask('edgemeet_session_ends_total{code="evicted.room_closed"} == 1'))

        await tools.eventually(told, "the cause of the end, counted by Prometheus", within=90)
        assert await ask('edgemeet_state{state="joined"} == 0')
