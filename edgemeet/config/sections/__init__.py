"""The tables of the configuration. docs/configuration.md is made of the descriptions."""

from edgemeet.config.sections.capture import Camera, Microphone
from edgemeet.config.sections.directories import RuntimeDirectory, StateDirectory
from edgemeet.config.sections.meeting import Meeting, Provisioning, Recovery, Whip
from edgemeet.config.sections.operation import Control, Log, Metrics, Mqtt, Remote, Service
from edgemeet.config.sections.section import Section

__all__ = [
    "Camera",
    "Control",
    "Log",
    "Meeting",
    "Metrics",
    "Microphone",
    "Mqtt",
    "Provisioning",
    "Recovery",
    "Remote",
    "RuntimeDirectory",
    "Section",
    "Service",
    "StateDirectory",
    "Whip",
]
