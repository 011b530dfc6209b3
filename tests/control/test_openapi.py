"""The OpenAPI document, and the API held against it by schemathesis."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
import schemathesis
from starlette.routing import Route

from edgemeet.control import openapi
from edgemeet.control.application import create_app

if TYPE_CHECKING:
    from tests.control.conftest import RecordedDaemon

COPY = Path(__file__).parents[2] / "docs" / "openapi.json"
OPERATIONS = sorted((path, method) for path, item in openapi.document()["paths"].items() for method in item)


def test_the_copy_in_the_documentation_is_of_today() -> None:
    assert COPY.read_text() == openapi.text(), (
        "run `python -m edgemeet.control.openapi` and put its output into docs/openapi.json"
    )


def test_it_tells_every_route_and_no_other(recorded: RecordedDaemon) -> None:
    routes = {
        (route.path, method.lower())
        for route in create_app(recorded, asyncio.Event()).routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert routes == set(OPERATIONS)


@pytest.mark.parametrize(("path", "method"), [one for one in OPERATIONS if one[0] != "/v1/events"])
def test_no_request_is_answered_otherwise_than_the_document_says(
    recorded: RecordedDaemon, path: str, method: str
) -> None:
    """Events are left out: they do not end. The seed is fixed, so that CI does not vary."""
    schema = schemathesis.openapi.from_asgi("/v1/openapi.json", create_app(recorded, asyncio.Event()))
    operation = schema[path][method]

    @hypothesis.seed(20261127)
    @hypothesis.settings(
        max_examples=15, deadline=None, database=None, suppress_health_check=list(hypothesis.HealthCheck)
    )
    @hypothesis.given(case=operation.as_strategy())
    def holds(case: schemathesis.Case) -> None:
        case.call_and_validate()

    holds()


@pytest.mark.parametrize("query", ["", "?a=b", "?%00=%ff", "?" + "x" * 4000])
@pytest.mark.parametrize("body", [b"", b"{", b"\xff" * 1000], ids=("none", "half", "bytes"))
async def test_queries_and_bodies_do_no_harm(recorded: RecordedDaemon, query: str, body: bytes) -> None:
    import httpx

    transport = httpx.ASGITransport(create_app(recorded, asyncio.Event()))
    async with httpx.AsyncClient(transport=transport, base_url="http://edgemeet") as client:
        for path, method in OPERATIONS:
            if path != "/v1/events":
                response = await client.request(method, path + query, content=body)
                assert response.status_code in (200, 202), path
                if response.headers["content-type"] == "application/json":
                    json.loads(response.text)
