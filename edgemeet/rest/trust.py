"""Which certificates are trusted: those that the machine trusts, and the operator's own beside them."""

from __future__ import annotations

import os
import re
import ssl
from pathlib import Path

from edgemeet.errors import ConfigError

# As `openssl rehash` names the certificates of a directory: OpenSSL opens only those that it needs.
_HASHED = re.compile(r"[0-9a-f]{8}\.[0-9]+")


def trusting(ca_file: Path | None = None) -> ssl.SSLContext:
    """A client's TLS, for HTTP and websockets alike.

    Trusted is what the system trusts; on a machine that has no list, or where ``SSL_CERT_FILE`` or
    ``SSL_CERT_DIR`` name one that holds nothing, the list that comes with certifi.

    Args:
        ca_file: PEM certificates to trust beside those.

    Raises:
        ConfigError: ``config.ca_file``, the file cannot be read or holds no certificate.
    """
    context = _of_the_system()
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ssl.SSLError) as error:
            reason = "holds no PEM certificate" if isinstance(error, ssl.SSLError) else error.strerror
            raise ConfigError(
                f"the CA file {ca_file} cannot be used: {reason}", code="config.ca_file"
            ) from error
    return context


def _of_the_system() -> ssl.SSLContext:
    paths = ssl.get_default_verify_paths()
    if paths.openssl_cafile_env not in os.environ and paths.capath is not None and _is_hashed(paths.capath):
        # Reading all of them takes a Pi longer than the event loop may wait, and two megabytes.
        return ssl.create_default_context(capath=paths.capath)
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"]:
        import certifi  # noqa: PLC0415 - httpx depends on it; most machines have a list of their own

        context.load_verify_locations(cafile=certifi.where())
    return context


def _is_hashed(directory: str) -> bool:
    try:
        with os.scandir(directory) as entries:
            return any(_HASHED.fullmatch(entry.name) for entry in entries)
    except OSError:
        return False
