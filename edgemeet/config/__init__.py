"""One settings model from TOML files, systemd credentials and the environment."""

from edgemeet.config.faults import ConfigInvalid, ConfigMissing, Fault
from edgemeet.config.identity import participant_id
from edgemeet.config.loading import DEFAULT_PATH, load
from edgemeet.config.sections import (
    Camera,
    Control,
    Log,
    Meeting,
    Metrics,
    Microphone,
    Provisioning,
    Recovery,
)
from edgemeet.config.settings import Settings
from edgemeet.config.showing import json_schema, show

__all__ = [
    "DEFAULT_PATH",
    "Camera",
    "ConfigInvalid",
    "ConfigMissing",
    "Control",
    "Fault",
    "Log",
    "Meeting",
    "Metrics",
    "Microphone",
    "Provisioning",
    "Recovery",
    "Settings",
    "json_schema",
    "load",
    "participant_id",
    "show",
]
