"""Runs the application in one process or in several."""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import uvicorn

from edgemeet.errors import ConfigError
from edgemeet.provision_server.database import Database
from edgemeet.provision_server.metrics import DIRECTORY_VARIABLE
from edgemeet.provision_server.schema import upgrade
from edgemeet.provision_server.settings import DEFAULT_PATH, PREFIX, ServerSettings

LARGEST_HEAD: Final = 16_384  # bytes of request line and headers
_STOP_TIMEOUT: Final = 10  # seconds for requests under way
_APP: Final = "edgemeet.provision_server.app:from_environment"


def serve(settings: ServerSettings, path: Path | None) -> None:
    """Bring the schema up to date and serve until SIGTERM or SIGINT.

    Args:
        settings: of the server.
        path: the file that they come from; each worker reads it again.

    Raises:
        ConfigError: the database or the address cannot be used.
        DatabaseGone: it cannot be reached.
    """
    database = Database(settings.database_url)
    try:
        upgrade(database)
    finally:
        database.close()
    if path is not None:
        os.environ[PREFIX + "CONFIG"] = str(path)
    with ExitStack() as stack:
        if settings.workers > 1:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="edgemeet-provision-"))
            os.environ[DIRECTORY_VARIABLE] = folder
        try:
            _run(settings)
        except SystemExit as ended:
            if ended.code:
                raise ConfigError(
                    f"the server cannot run at {settings.host} port {settings.port}; the log says why",
                    code="config.address",
                    hint=f"Settings are in {path or DEFAULT_PATH}.",
                ) from None


def _run(settings: ServerSettings) -> None:
    uvicorn.run(
        _APP,
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        http="h11",
        ws="none",
        lifespan="on",
        h11_max_incomplete_event_size=LARGEST_HEAD,
        timeout_keep_alive=20,
        timeout_graceful_shutdown=_STOP_TIMEOUT,
        backlog=4096,
        # Addresses of devices are in the audit log; queries need not be anywhere.
        access_log=False,
        log_level="info",
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies) or None,
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
    )
