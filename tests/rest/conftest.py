"""`rest` against real sockets, in an environment without proxies."""

import pytest
from rigging.environment import without_proxies


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    without_proxies(monkeypatch)
