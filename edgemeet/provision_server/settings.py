"""The provisioning server's settings: a TOML file, systemd credentials, ``EDGEPROVISION_`` variables."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)

from edgemeet.errors import ConfigError
from edgemeet.rest import origin

DEFAULT_PATH: Final = Path("/etc/edgemeet-provision/provision.toml")
PREFIX: Final = "EDGEPROVISION_"
CREDENTIAL_PREFIX: Final = "provision."
# Where systemd's LoadCredential= looks (systemd.exec(5)), for commands that root gives by hand.
STORE: Final = Path("/etc/credstore")
STORE_PREFIX: Final = "edgemeet-provision."
SECRETS: Final = ("api_key", "api_secret", "database_url")


def _split(value: object) -> object:
    """Variables hold lists as text with commas between."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Texts = Annotated[tuple[str, ...], BeforeValidator(_split)]


class ServerSettings(BaseModel):
    """All of it. docs/provisioning-server.md has the same table, made from these descriptions."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    api_key: SecretStr = Field(description="secret: VideoSDK's API key")
    api_secret: SecretStr = Field(
        min_length=16,
        description="secret: the API secret that tokens are signed with; it never leaves the server",
    )
    database_url: SecretStr = Field(
        default=SecretStr("sqlite:////var/lib/edgemeet-provision/provision.db"),
        description="secret, for it may hold a password: where devices are kept, `sqlite:///` and a path, or "
        "`postgresql://user@host/name`",
    )
    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=8090, ge=0, le=65535, description="port to listen on")
    workers: int = Field(default=1, ge=1, le=64, description="processes that answer")
    public_urls: Texts = Field(
        default=(),
        description="the origins by which devices reach the server, such as `https://provision.example.com`: "
        "requests signed for another one are refused; when empty `http://` with host and port",
    )
    tls_cert: Path | None = Field(default=None, description="certificate (PEM); when absent http is spoken")
    tls_key: Path | None = Field(default=None, description="its private key (PEM)")
    trusted_proxies: Texts = Field(
        default=(), description="addresses of balancers whose `X-Forwarded-For` names the device's address"
    )
    api_url: str = Field(default="https://api.videosdk.live", description="VideoSDK's API")
    default_meeting: str | None = Field(
        default=None, description="the meeting of devices to which nothing else is assigned"
    )
    token_ttl: int = Field(default=600, ge=120, le=86_400, description="seconds that a token is valid")
    poll_after: int = Field(default=60, ge=5, le=86_400, description="seconds between two polls of a device")
    code_ttl: int = Field(
        default=3600, ge=60, le=2_592_000, description="seconds that an enrolment code is valid"
    )
    requests_per_minute: int = Field(
        default=30, ge=2, le=6000, description="requests of one device in any minute; more are answered 429"
    )
    failures_per_minute: int = Field(
        default=60, ge=2, le=6000, description="refused requests of one address in a minute, at each worker"
    )
    max_in_flight: int = Field(
        default=200, ge=1, le=100_000, description="requests under way at each worker; more are answered 503"
    )
    audit_days: int = Field(default=90, ge=1, le=3650, description="days that the audit log is kept")

    @field_validator("public_urls")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(url.startswith(("https://", "http://")) for url in value):
            raise ValueError("must be origins such as https://provision.example.com")
        return tuple(origin(url) for url in value)

    @property
    def audiences(self) -> tuple[str, ...]:
        """What assertions may be meant for."""
        return self.public_urls or (origin(f"http://{self.host}:{self.port}"),)


def load_settings(path: Path | None = None, environ: Mapping[str, str] = os.environ) -> ServerSettings:
    """The settings in effect; later ones win: file, credentials named ``provision.api_secret``, variables.

    Args:
        path: the file; when not given ``$EDGEPROVISION_CONFIG``, else /etc/edgemeet-provision/provision.toml
            if it is there.
        environ: the environment variables.

    Raises:
        ConfigError: with all faults, and no value of a secret.
    """
    named = path or (Path(environ[PREFIX + "CONFIG"]) if PREFIX + "CONFIG" in environ else None)
    given = _file(named or DEFAULT_PATH, required=named is not None)
    given |= _credentials(environ)
    given |= {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environ.items()
        if name.startswith(PREFIX) and name != PREFIX + "CONFIG"
    }
    try:
        return ServerSettings.model_validate(given)
    except ValidationError as error:
        faults = [f"{fault['loc'][0]}: {fault['msg'].lower()}" for fault in error.errors(include_input=False)]
    raise ConfigError(
        "the provisioning server cannot start: " + "; ".join(faults),
        hint=f"Settings are in {named or DEFAULT_PATH}, in credentials and in {PREFIX}... variables.",
    )


def _file(path: Path, *, required: bool) -> dict[str, object]:
    try:
        return cast("dict[str, object]", tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        if not required:
            return {}
        reason = "does not exist"
    except OSError as error:
        reason = f"cannot be read: {os.strerror(error.errno or 0).lower()}"
    except (tomllib.TOMLDecodeError, UnicodeError):
        reason = "is no TOML"
    raise ConfigError(f"the provisioning server cannot start: {path} {reason}")


def _credentials(environ: Mapping[str, str], store: Path = STORE) -> dict[str, object]:
    """Those of the service, or those in the store that it has them from."""
    directory = environ.get("CREDENTIALS_DIRECTORY")
    folder, prefix = (Path(directory), CREDENTIAL_PREFIX) if directory else (store, STORE_PREFIX)
    files = {name: folder / (prefix + name) for name in SECRETS}
    try:
        return {name: file.read_text().rstrip("\r\n") for name, file in files.items() if file.is_file()}
    except PermissionError:
        if directory is None:
            return {}  # an ordinary user, who will have named other sources
    except (OSError, UnicodeError):
        pass
    raise ConfigError("the provisioning server cannot start: a credential cannot be read")
