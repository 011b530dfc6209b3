"""The documents say what the code says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jwt
import pytest
from starlette.routing import Route

from edgemeet.config.overrides import ALLOWED
from edgemeet.provision_server.app import create_app
from edgemeet.provision_server.openapi import document
from edgemeet.provision_server.reference import table

ROOT = Path(__file__).parents[2]
API = (ROOT / "docs" / "provisioning-api.md").read_text()
SERVER = (ROOT / "docs" / "provisioning-server.md").read_text()


def test_the_table_of_settings():
    assert f"begin -->\n{table()}<!-- settings: end" in SERVER, (
        "edgemeet.provision_server.reference prints it"
    )


def test_the_openapi_document():
    kept = json.loads((ROOT / "docs" / "provisioning-openapi.json").read_text())
    assert kept == document(), "run python -m edgemeet.provision_server.openapi"


def test_the_openapi_document_has_every_route(settings, database):
    routes = {
        (re.sub(r":\w+}", "}", route.path), method.lower())
        for route in create_app(settings, database=database).routes
        if isinstance(route, Route)
        for method in (route.methods or ()) - {"HEAD"}
    }
    written = {
        (path, method)
        for path, operations in document()["paths"].items()
        for method in operations
        if method != "parameters"
    }
    assert routes - {("/openapi.json", "get")} == written


def test_every_reference_in_the_openapi_document_leads_somewhere():
    schemas = document()["components"]["schemas"]
    for name in re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document())):
        assert name in schemas


async def test_it_is_served(http):
    assert (await http.get("/openapi.json")).json() == document()


def test_every_code_is_in_the_document():
    sources = "".join(path.read_text() for path in (ROOT / "edgemeet" / "provision_server").glob("*.py"))
    codes = set(re.findall(r'"((?:identity|enrolment)\.[a-z_]+)"', sources))
    assert {code for code in codes if f"`{code}`" not in API} == set()


def test_the_settings_that_a_server_may_set_are_in_the_document():
    written = API[API.index("**Settings** that") : API.index("With any other key")]
    found = set()
    for group in written.split(";"):
        names = re.findall(r"`([a-z_.]+)`", group)
        section = names[0].partition(".")[0]
        found |= {name if not name.startswith(".") else section + name for name in names}
    assert found == ALLOWED


@pytest.mark.parametrize("kind", ["ed25519", "es256"])
def test_the_claims_of_the_document_are_those_of_a_device(kind):
    from edgemeet.provisioning import DeviceIdentity, DeviceKey, ServerClock, SignedAssertion

    signer = SignedAssertion(Path("none"), "https://p.example.com", ServerClock(lambda: 1_780_000_000.0))
    text = signer.sign(DeviceIdentity("d-1", "", DeviceKey.generate(kind)))
    claims = jwt.decode(text, options={"verify_signature": False})
    written = API[API.index("| claim |") : API.index("`alg` is")]
    assert set(claims) == set(re.findall(r"`(iss|sub|aud|jti|iat|exp)`", written))
    assert claims["exp"] - claims["iat"] == 60
