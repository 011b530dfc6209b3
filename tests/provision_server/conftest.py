"""The provisioning server over a real database, a clock that tests turn, and devices with real keys.

The database is SQLite, or the PostgreSQL that $TEST_POSTGRES_URL names (scripts/test-postgres).
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from itertools import count

import httpx
import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from edgemeet.provision_server.app import create_app
from edgemeet.provision_server.audit import Actor
from edgemeet.provision_server.database import Database
from edgemeet.provision_server.groups import Groups
from edgemeet.provision_server.registry import Registry
from edgemeet.provision_server.schema import upgrade
from edgemeet.provision_server.settings import ServerSettings
from edgemeet.provisioning import DeviceKey

NOW = 1_780_000_000.0
AUDIENCE = "https://provision.example.com"
SECRET = "a-signing-secret-of-more-than-32-bytes"
ANNA = Actor("admin:anna")


class Clock:
    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now


@dataclass
class Device:
    """A device with its own key; its clock is the server's unless `off`."""

    clock: Clock
    participant_id: str = "door-1"
    key: DeviceKey = field(default_factory=DeviceKey.generate)
    id: str = ""
    off: float = 0.0
    numbers: count = field(default_factory=lambda: count(1))

    def claims(self, **changed):
        now = int(self.clock() + self.off)
        claims = {
            "iss": self.id,
            "sub": self.id,
            "aud": AUDIENCE,
            "jti": f"assertion-{next(self.numbers)}",
            "iat": now,
            "exp": now + 60,
        }
        return {name: value for name, value in {**claims, **changed}.items() if value is not None}

    def header(self, **changed):
        return {"Authorization": f"Bearer {self.key.sign(self.claims(**changed))}"}

    def enrolment(self, code, **changed):
        proof = self.key.sign(self.claims(iss=self.key.public.thumbprint, sub=code))
        return {
            "code": code,
            "public_key": self.key.public.model_dump(exclude_none=True),
            "proof": proof,
            "participant_id": self.participant_id,
        } | changed


def wiped(url):
    """PostgreSQL with nothing in it."""
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(sa.text("DROP SCHEMA public CASCADE"))
        connection.execute(sa.text("CREATE SCHEMA public"))
    engine.dispose()
    return url


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """A database that has its schema: applying it takes longer than most of these tests."""
    path = tmp_path_factory.mktemp("template") / "provision.db"
    database = Database(SecretStr(f"sqlite:///{path}"))
    upgrade(database)
    database.close()
    return path


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def database_url(tmp_path, template):
    url = os.environ.get("TEST_POSTGRES_URL")
    if url is None:
        shutil.copy(template, tmp_path / "provision.db")
        return f"sqlite:///{tmp_path}/provision.db"
    return wiped(url)


@pytest.fixture
def settings(database_url):
    return ServerSettings(
        api_key=SecretStr("the-api-key"),
        api_secret=SecretStr(SECRET),
        database_url=SecretStr(database_url),
        public_urls=(AUDIENCE,),
        failures_per_minute=1000,
    )


@pytest.fixture
def database(settings):
    database = Database(settings.database_url)
    if not database.sqlite:
        upgrade(database)
    yield database
    database.close()


@pytest.fixture
def registry(database, settings, clock):
    return Registry(database, settings, wall_clock=clock)


@pytest.fixture
def groups(registry):
    return Groups(registry)


@pytest.fixture
def make_http(database, clock):
    """Clients of servers with other settings, in an `async with`."""

    def make(settings):
        app = create_app(settings, database=database, wall_clock=clock)
        # What a server does with a defect is answer 500, not raise.
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url=AUDIENCE)

    return make


@pytest.fixture
async def http(make_http, settings):
    async with make_http(settings) as client:
        yield client


@pytest.fixture
def anna():
    return ANNA


@pytest.fixture
def new_device(clock):
    return lambda **values: Device(clock, **values)


@pytest.fixture
def enrolled(registry, http, new_device):
    """Makes enrolled devices."""

    async def enrol(**values):
        device = new_device(**values)
        code = registry.code(ANNA)
        reply = await http.post("/v1/enroll", json=device.enrolment(code))
        assert reply.status_code == 201, reply.text
        device.id = reply.json()["device_id"]
        return device

    return enrol
