from pathlib import Path

import pytest
from pydantic import SecretStr

from edgemeet.config import Settings
from edgemeet.config.keys import dotted, keys
from edgemeet.config.reload import Change, Effect, changes, effects_of

TREE = dict[str, object]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ({}, {}),
        ({"log": {"level": "debug"}}, {"log.level": {Effect.LOG}}),
        ({"meeting": {"name": "x"}}, {"meeting.name": {Effect.REJOIN, Effect.CAMERA}}),
        ({"meeting": {"id": "abcd-efgh-ijkl"}}, {"meeting.id": {Effect.REJOIN}}),
        ({"meeting": {"metadata": {"floor": 3}}}, {"meeting.metadata": {Effect.REJOIN}}),
        ({"meeting": {"participant_id": "me"}}, {"meeting.participant_id": {Effect.RESTART}}),
        ({"meeting": {"mic": False}}, {"meeting.mic": {Effect.SWITCH}}),
        ({"meeting": {"webcam": False}}, {"meeting.webcam": {Effect.SWITCH}}),
        ({"meeting": {"multistream": True}}, {"meeting.multistream": {Effect.CAMERA}}),
        ({"camera": {"max_bitrate": 90_000}}, {"camera.max_bitrate": {Effect.CAMERA}}),
        (
            {"camera": {"width": 640, "height": 360}},
            {"camera.width": {Effect.CAMERA}, "camera.height": {Effect.CAMERA}},
        ),
        ({"microphone": {"device": "x"}}, {"microphone.device": {Effect.MICROPHONE}}),
        ({"provisioning": {"token": "secret"}}, {"provisioning.token": {Effect.NEXT_JOIN}}),
        ({"provisioning": {"ca_file": "/x"}}, {"provisioning.ca_file": {Effect.RESTART}}),
        ({"control": {"group": "staff"}}, {"control.group": {Effect.RESTART}}),
        ({"state_directory": Path("/x")}, {"state_directory": {Effect.RESTART}}),
    ],
    ids=",".join,  # not str: a set prints in another order in each process, and the test processes must agree
)
def test_what_a_change_asks_for(after: TREE, expected: dict[str, set[Effect]]) -> None:
    found = changes(Settings(), Settings.model_validate(after))
    assert {change.key: set(change.effects) for change in found} == expected


def test_a_change_does_not_tell_the_values() -> None:
    before = Settings.model_validate({"provisioning": {"token": "old-secret"}})
    after = Settings.model_validate({"provisioning": {"token": "new-secret"}})
    assert before.provisioning.token == SecretStr("old-secret")
    assert changes(before, after) == (Change("provisioning.token", frozenset({Effect.NEXT_JOIN})),)
    assert "secret" not in str(changes(before, after))


def test_a_key_that_nobody_thought_of_needs_a_restart() -> None:
    assert effects_of("future.key") == {Effect.RESTART}


def test_every_key_is_thought_of() -> None:
    restart = {dotted(path) for path in keys() if Effect.RESTART in effects_of(dotted(path))}
    assert restart == {
        "meeting.participant_id",
        "provisioning.ca_file",
        "provisioning.client_cert",
        "provisioning.client_key",
        "control.socket",
        "control.group",
        "metrics.host",
        "metrics.port",
        "mqtt.host",
        "remote.participants",
        "mqtt.port",
        "mqtt.tls",
        "mqtt.ca_file",
        "mqtt.username",
        "mqtt.password",
        "mqtt.topic",
        "mqtt.interval",
        "mqtt.snapshot_interval",
        "mqtt.commands",
        "mqtt.discovery",
        "mqtt.discovery_prefix",
        "state_directory",
        "runtime_directory",
    }
