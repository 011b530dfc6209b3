"""Settings that a server may set at devices, checked before a device would refuse them."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from edgemeet.config import Settings
from edgemeet.config.overrides import with_overrides
from edgemeet.errors import ConfigError
from edgemeet.provision_server.refusal import Refused


def check_config(config: Mapping[str, Mapping[str, JsonValue]]) -> None:
    """Raises Refused ``admin.bad_config``, with what is wrong, for settings that no device would take."""
    try:
        with_overrides(Settings(), config)
    except ConfigError as error:
        raise Refused(422, "admin.bad_config", error.message) from None
