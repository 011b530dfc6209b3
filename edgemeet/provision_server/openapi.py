"""The OpenAPI document: served at /openapi.json and kept in docs/provisioning-openapi.json.

A test keeps the file as this module makes it: ``python -m edgemeet.provision_server.openapi`` prints it.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Final

from pydantic import BaseModel, JsonValue
from pydantic.json_schema import models_json_schema

from edgemeet.provision_server.groups import GroupChange, NewSlot
from edgemeet.provision_server.registry import DeviceChange
from edgemeet.provisioning import EnrolmentAnswer, EnrolmentRequest, TokenAnswer

_REFUSAL: Final[JsonValue] = {
    "description": "Refused; `code` is stable. With 429 and 503 `Retry-After` says when to ask again.",
    "headers": {"Retry-After": {"schema": {"type": "integer"}}},
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}},
}
_REFUSAL_SCHEMA: Final[JsonValue] = {
    "type": "object",
    "required": ["code", "message"],
    "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
}
_ETAG: Final[JsonValue] = {"ETag": {"schema": {"type": "string"}}}


@cache
def document() -> dict[str, JsonValue]:
    """The document, OpenAPI 3.1."""
    models: tuple[type[BaseModel], ...] = (
        EnrolmentRequest,
        EnrolmentAnswer,
        TokenAnswer,
        DeviceChange,
        GroupChange,
        NewSlot,
    )
    _, definitions = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/components/schemas/{model}"
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "edgemeet provisioning",
            "version": "1",
            "description": "How a device gets an identity, and with it token, meeting and settings.",
        },
        "paths": {
            "/v1/enroll": {"post": _enroll()},
            "/v1/token": {"get": _token(in_query=True), "post": _token(in_query=False)},
            "/v1/health": {"get": _health()},
            **_administration(),
        },
        "components": {
            "schemas": {**definitions.get("$defs", {}), "Refusal": _REFUSAL_SCHEMA},
            "securitySchemes": {
                "assertion": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "Signed by the device with EdDSA or ES256: iss = sub = the device's id, "
                    "aud = the server's origin, jti never used before, iat, and exp at most 300 s later.",
                },
                "administrator": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _enroll() -> JsonValue:
    return {
        "summary": "Register a device's public key with a one-time code",
        "security": [],
        "requestBody": _json_body("EnrolmentRequest"),
        "responses": {
            "201": _json_answer("The device is enrolled.", "EnrolmentAnswer"),
            **dict.fromkeys(("400", "401", "403", "408", "409", "413", "422", "429", "503"), _REFUSAL),
        },
    }


def _token(*, in_query: bool) -> JsonValue:
    names = ("participantId", "meetingId", "purpose")
    text: JsonValue = {"type": "string", "maxLength": 256}
    query: list[JsonValue] = [{"name": name, "in": "query", "schema": text} for name in names]
    known: JsonValue = {"name": "If-None-Match", "in": "header", "schema": {"type": "string"}}
    body: JsonValue = {
        "content": {
            "application/json": {"schema": {"type": "object", "properties": dict.fromkeys(names, text)}}
        }
    }
    operation: dict[str, JsonValue] = {
        "summary": "A token, the meeting, and settings for an enrolled device",
        "security": [{"assertion": []}],
        "parameters": [known, *(query if in_query else [])],
        "responses": {
            "200": {
                "description": "What the device is to do.",
                "headers": _ETAG,
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/TokenAnswer"}}},
            },
            "304": {"description": "Nothing has changed; no token is made.", "headers": _ETAG},
            **dict.fromkeys(("400", "401", "403", "408", "413", "422", "429", "503"), _REFUSAL),
        },
    }
    return operation if in_query else {**operation, "requestBody": body}


def _health() -> JsonValue:
    return {
        "summary": "Whether this worker can answer devices, for balancers",
        "security": [],
        "responses": {"200": {"description": "It can."}, "503": _REFUSAL},
    }


def _administration() -> dict[str, JsonValue]:
    device, name, number = _path("id"), _path("name"), _path("number", "integer")
    base = "/admin/v1"
    return {
        f"{base}/devices": {
            "get": _act("Devices, a page at a time"),
            "post": _act("Add a device; the answer has its code", created=True),
        },
        f"{base}/devices/{{id}}": {
            "parameters": [device],
            "get": _act("One device"),
            "patch": _act("Assign a meeting, a group, settings", body="DeviceChange"),
            "delete": _act("Forget it"),
        },
        **{
            f"{base}/devices/{{id}}/{verb}": {"parameters": [device], "post": _act(summary, created=created)}
            for verb, summary, created in (
                ("revoke", "No token for it any more", False),
                ("restore", "Take a revocation back", False),
                ("code", "A code to enrol it anew", True),
            )
        },
        f"{base}/codes": {"post": _act("A code that adds a device", created=True)},
        f"{base}/groups": {"get": _act("All groups")},
        f"{base}/groups/{{name}}": {
            "parameters": [name],
            "put": _act("Make or change a group", body="GroupChange"),
            "delete": _act("Remove it"),
        },
        f"{base}/schedules": {
            "get": _act("All slots"),
            "post": _act("Add a slot", body="NewSlot", created=True),
        },
        f"{base}/schedules/{{number}}": {"parameters": [number], "delete": _act("Remove a slot")},
        f"{base}/rooms": {"post": _act("Create a meeting at VideoSDK", created=True)},
        f"{base}/rooms/{{id}}": {"parameters": [device], "get": _act("Whether there is such a meeting")},
        f"{base}/audit": {"get": _act("The audit log, newest first")},
        "/metrics": {"get": _act("Counters for Prometheus")},
    }


def _path(name: str, kind: str = "string") -> JsonValue:
    return {"name": name, "in": "path", "required": True, "schema": {"type": kind}}


def _act(summary: str, *, body: str | None = None, created: bool = False) -> JsonValue:
    act: dict[str, JsonValue] = {
        "summary": summary,
        "security": [{"administrator": []}],
        "responses": {"201" if created else "2XX": {"description": "Done."}, "default": _REFUSAL},
    }
    return act | ({"requestBody": _json_body(body)} if body else {})


def _json_body(model: str) -> JsonValue:
    return {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{model}"}}},
    }


def _json_answer(text: str, model: str) -> JsonValue:
    return {
        "description": text,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{model}"}}},
    }


if __name__ == "__main__":
    print(json.dumps(document(), indent=2))  # noqa: T201 - that is what it is for
