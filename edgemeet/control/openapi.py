"""The control API as an OpenAPI 3.1 document, made from the models. docs/openapi.json is a copy.

``python -m edgemeet.control.openapi`` prints it.
"""

from __future__ import annotations

import json
import sys
from typing import Final

from pydantic import JsonValue
from pydantic.json_schema import models_json_schema

from edgemeet.control.history import Event, Stats
from edgemeet.control.models import Accepted, Command, Refused, Reloaded, Status

VERSION: Final = "1"
_MODELS: Final = (Status, Stats, Event, Accepted, Reloaded, Refused)
_TEMPLATE: Final = "#/components/schemas/{model}"

_COMMANDS: Final = {
    Command.REJOIN: "Leave the meeting, if the device is in one, and join it at once.",
    Command.LEAVE: "Leave the meeting and stay out until `rejoin`.",
    Command.MUTE: "Turn the microphone off.",
    Command.UNMUTE: "Turn the microphone on.",
    Command.CAMERA_ON: "Open the camera.",
    Command.CAMERA_OFF: "Close the camera.",
}


def document() -> dict[str, JsonValue]:
    """The document as plain values."""
    _, schema = models_json_schema([(model, "serialization") for model in _MODELS], ref_template=_TEMPLATE)
    paths: dict[str, JsonValue] = {
        "/v1/status": {"get": _operation("status", "How the device is.", {"200": _json("Status")})},
        "/v1/stats": {
            "get": _operation("stats", "The last five minutes, second by second.", {"200": _json("Stats")})
        },
        "/v1/events": {
            "get": _operation(
                "events",
                "Server-sent events: first `status` with a Status, then each with an Event. A comment every "
                "15 s shows that the connection lives.",
                {
                    "200": _text("text/event-stream", "events until the client or the daemon ends"),
                    "503": _refused("eight listen already"),
                },
            )
        },
        "/v1/snapshot": {
            "get": _operation(
                "snapshot",
                "A picture from the running camera.",
                {
                    "200": _text("image/jpeg", "the picture"),
                    "404": _refused("the camera is off"),
                    "503": _refused("the camera gives no picture now"),
                },
            )
        },
        "/v1/openapi.json": {
            "get": _operation("openapi", "This document.", {"200": _text("application/json", "it", "object")})
        },
        "/v1/reload": {
            "post": _operation(
                "reload",
                "Read the configuration again: all or nothing.",
                {"200": _json("Reloaded"), "409": _refused("the configuration has faults and was not taken")},
            )
        },
        "/metrics": {
            "get": _operation(
                "metrics", "For Prometheus.", {"200": _text("text/plain", "its text format 0.0.4")}
            )
        },
    }
    for command, text in _COMMANDS.items():
        name = command.value.replace("/", "_")
        paths[f"/v1/{command.value}"] = {"post": _operation(name, text, {"202": _json("Accepted")})}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "edgemeet's control API",
            "version": VERSION,
            "description": "HTTP over a Unix socket; docs/control.md says who may. New fields may come at "
            "any time; `schema_version` changes when a field changes its meaning or goes away.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "http://edgemeet", "description": "the name does not matter"}],
        "paths": paths,
        "components": {"schemas": schema["$defs"]},
    }


def _operation(name: str, text: str, responses: dict[str, JsonValue]) -> JsonValue:
    return {
        "operationId": name,
        "summary": text,
        "responses": {
            **responses,
            "403": _refused("this user may not use the socket"),
            "500": _refused("a defect; the daemon's log has the details"),
        },
    }


def _json(model: str) -> dict[str, JsonValue]:
    return {
        "description": model,
        "content": {"application/json": {"schema": {"$ref": _TEMPLATE.format(model=model)}}},
    }


def _refused(text: str) -> JsonValue:
    return {**_json("Refused"), "description": text}


def _text(media_type: str, text: str, kind: str = "string") -> JsonValue:
    return {"description": text, "content": {media_type: {"schema": {"type": kind}}}}


def text() -> str:
    """The document as JSON, the same at each call."""
    return json.dumps(document(), indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
