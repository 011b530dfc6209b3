"""All settings as one frozen model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from edgemeet import places
from edgemeet.config.sections import (
    Camera,
    Control,
    Log,
    Meeting,
    Metrics,
    Microphone,
    Mqtt,
    Provisioning,
    Recovery,
    Remote,
    RuntimeDirectory,
    Service,
    StateDirectory,
    Whip,
)


class Settings(BaseSettings):
    """All settings, each value checked on its own.

    `edgemeet.config.load` makes them from files, credentials and the environment, and checks that they go
    together. Made directly they are what is given and defaults, nothing else.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, title="edgemeet.toml"
    )

    meeting: Meeting = Meeting()
    provisioning: Provisioning = Provisioning()
    whip: Whip = Whip()
    camera: Camera = Camera()
    microphone: Microphone = Microphone()
    control: Control = Control()
    metrics: Metrics = Metrics()
    recovery: Recovery = Recovery()
    mqtt: Mqtt = Mqtt()
    remote: Remote = Remote()
    service: Service = Service()
    log: Log = Log()
    state_directory: StateDirectory = places.STATE_DIRECTORY
    runtime_directory: RuntimeDirectory = places.RUNTIME_DIRECTORY

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is given.

        `load` brings the merged sources: pydantic-settings' own stop at the first fault, ignore unknown
        variables and do not tell where a value came from.
        """
        return (init_settings,)

    @model_validator(mode="before")
    @classmethod
    def _place_socket(cls, data: Any) -> Any:
        """The control socket lies in the runtime directory unless it is told otherwise."""
        if not isinstance(data, dict) or "runtime_directory" not in data:
            return data
        directory, control = data["runtime_directory"], data.get("control", {})
        if isinstance(control, Control):
            control = control.model_dump(exclude_unset=True)
        if not isinstance(directory, str | Path) or not isinstance(control, dict) or "socket" in control:
            return data
        return data | {"control": control | {"socket": Path(directory) / places.SOCKET_NAME}}
