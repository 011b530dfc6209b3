"""What a broker's listeners read: a flat summary, and Home Assistant's discovery of the device. Pure.

Source of names: Home Assistant's documentation of MQTT device discovery (`<prefix>/device/<id>/config`).
"""

from __future__ import annotations

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from edgemeet.control import State, Status

WELL: Final = "ok"


class Summary(BaseModel):
    """`<topic>/<participant id>/summary`: the device in a few flat values, for dashboards."""

    model_config = ConfigDict(frozen=True)

    schema_version: Literal[1] = 1
    state: State
    meeting: str | None
    health: Literal["ok", "info", "warning", "error"] = Field(description="the worst condition that holds")
    problems: str = Field(description="the codes of all conditions, with commas between")
    microphone: Literal["ON", "OFF"]
    camera: Literal["ON", "OFF"]
    peers: int
    bitrate: int = Field(description="kilobits per second sent")
    frames_per_second: float
    round_trip_time: float | None = Field(description="milliseconds")
    joins: int


def summary(status: Status) -> Summary:
    """The flat values of `status`."""
    on = {capture.kind for capture in status.captures if capture.on}
    encodings = [(p.kind, encoding) for p in status.producers for encoding in p.encodings]
    rtt = status.transport.round_trip_time if status.transport else None
    pictures = [encoding.frames_per_second or 0.0 for kind, encoding in encodings if kind == "video"]
    return Summary(
        state=status.state,
        meeting=status.meeting.id,
        health=status.health[0].severity if status.health else WELL,
        problems=", ".join(condition.code for condition in status.health),
        microphone="ON" if "audio" in on else "OFF",
        camera="ON" if "video" in on else "OFF",
        peers=len(status.meeting.peers),
        bitrate=round(sum(encoding.bitrate for _, encoding in encodings) / 1000),
        frames_per_second=round(max(pictures, default=0.0), 1),
        round_trip_time=None if rtt is None else round(1000 * rtt, 1),
        joins=status.joins,
    )


def discovery(base: str, participant_id: str, status: Status, *, commands: bool, pictures: bool) -> JsonValue:
    """The document for Home Assistant.

    Args:
        base: the device's topics begin with it.
        participant_id: who it is.
        status: for its name and version.
        commands: whether it obeys; switches and buttons are left out otherwise.
        pictures: whether it publishes snapshots.
    """
    unique = f"edgemeet-{participant_id}"
    components: dict[str, JsonValue] = {
        "state": _sensor(unique, "state", "State", icon="mdi:video-account"),
        "meeting": _sensor(unique, "meeting", "Meeting", entity_category="diagnostic"),
        "health": {
            **_sensor(unique, "health", "Health", icon="mdi:heart-pulse"),
            "json_attributes_topic": f"{base}/summary",
        },
        "bitrate": _sensor(
            unique, "bitrate", "Bitrate", unit="kbit/s", device_class="data_rate", state_class="measurement"
        ),
        "frames_per_second": _sensor(unique, "frames_per_second", "Pictures a second", unit="1/s"),
        "round_trip_time": _sensor(
            unique, "round_trip_time", "Round trip", unit="ms", entity_category="diagnostic"
        ),
        "peers": _sensor(unique, "peers", "Other participants"),
    }
    if commands:
        components["microphone"] = _switch(unique, base, "microphone", "Microphone", "mdi:microphone")
        components["camera"] = _switch(unique, base, "camera", "Camera", "mdi:camera")
        components["rejoin"] = _button(unique, f"{base}/set/meeting", "rejoin", "Rejoin")
        components["leave"] = _button(unique, f"{base}/set/meeting", "leave", "Leave")
    if pictures:
        components["picture"] = {
            "platform": "camera",
            "unique_id": f"{unique}-picture",
            "name": "Picture",
            "topic": f"{base}/snapshot",
        }
    return {
        "device": {
            "identifiers": [unique],
            "name": status.meeting.name or participant_id,
            "manufacturer": "edgemeet",
            "model": "meeting participant",
            "sw_version": status.version,
        },
        "origin": {"name": "edgemeet", "sw_version": status.version},
        "availability_topic": f"{base}/availability",
        "state_topic": f"{base}/summary",
        "qos": 1,
        "components": components,
    }


def _sensor(
    unique: str, key: str, name: str, *, unit: str | None = None, **more: str
) -> dict[str, JsonValue]:
    sensor: dict[str, JsonValue] = {
        "platform": "sensor",
        "unique_id": f"{unique}-{key}",
        "name": name,
        "value_template": f"{{{{ value_json.{key} }}}}",
    }
    return sensor | ({"unit_of_measurement": unit} if unit else {}) | dict[str, JsonValue](more)


def _switch(unique: str, base: str, key: str, name: str, icon: str) -> dict[str, JsonValue]:
    return {
        "platform": "switch",
        "unique_id": f"{unique}-{key}",
        "name": name,
        "icon": icon,
        "command_topic": f"{base}/set/{key}",
        "value_template": f"{{{{ value_json.{key} }}}}",
        "payload_on": "ON",
        "payload_off": "OFF",
    }


def _button(unique: str, topic: str, payload: str, name: str) -> dict[str, JsonValue]:
    return {
        "platform": "button",
        "unique_id": f"{unique}-{payload}",
        "name": name,
        "command_topic": topic,
        "payload_press": payload.upper(),
    }
