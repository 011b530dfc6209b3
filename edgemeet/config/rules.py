"""What must hold between settings that are each good on their own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edgemeet.config.settings import Settings


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that does not hold.

    Attributes:
        key: the dotted key that a person should change first.
        problem: what is wrong and what would be right.
        about: the dotted keys the rule looked at; where one of them is faulty itself, the rule says nothing.
    """

    key: str
    problem: str
    about: tuple[str, ...]


def needs_meeting(settings: Settings) -> bool:
    """Whether a VideoSDK meeting and a token for it are needed: not where a WHIP endpoint is all there is."""
    return settings.meeting.protocol != "whip" or settings.whip.endpoint is None


def violations(settings: Settings) -> Iterator[Violation]:
    """All rules that `settings` break."""
    yield from _meeting(settings)
    yield from _token(settings)
    yield from _whip(settings)
    yield from _camera(settings)
    if settings.mqtt.password is not None and settings.mqtt.username is None:
        yield Violation(
            "mqtt.username",
            "is missing: it goes with mqtt.password",
            ("mqtt.username", "mqtt.password"),
        )
    if settings.microphone.source == "file" and settings.microphone.device == "default":
        yield Violation(
            "microphone.device",
            'must be the path of a sound file when microphone.source is "file"',
            ("microphone.source", "microphone.device"),
        )


def _whip(settings: Settings) -> Iterator[Violation]:
    chosen = settings.whip
    if chosen.bearer is not None and chosen.endpoint is None:
        yield Violation(
            "whip.endpoint",
            "is missing: whip.bearer goes with it; VideoSDK's WHIP takes the meeting's token",
            ("whip.endpoint", "whip.bearer"),
        )
    if settings.meeting.protocol == "native" and (chosen.endpoint or chosen.bearer):
        yield Violation(
            "meeting.protocol",
            'must be "whip" or "auto" for the table whip to be used, not "native"',
            ("meeting.protocol", "whip.endpoint", "whip.bearer"),
        )


def _meeting(settings: Settings) -> Iterator[Violation]:
    if not needs_meeting(settings):
        return
    if settings.meeting.source == "fixed" and settings.meeting.id is None:
        yield Violation(
            "meeting.id",
            'is missing: meeting.source "fixed" needs the id of the meeting',
            ("meeting.source", "meeting.id", "meeting.protocol", "whip.endpoint"),
        )
    if settings.meeting.source == "provisioned" and settings.provisioning.url is None:
        yield Violation(
            "provisioning.url",
            'is missing: meeting.source "provisioned" needs the address of the server that names the meeting',
            ("meeting.source", "provisioning.url"),
        )


def _token(settings: Settings) -> Iterator[Violation]:
    chosen = settings.provisioning
    pair = (chosen.api_key is not None, chosen.api_secret is not None)
    given = [
        name
        for name, there in (
            ("provisioning.url", chosen.url is not None),
            ("provisioning.token", chosen.token is not None),
            ("provisioning.token_file", chosen.token_file is not None),
            ("provisioning.api_key", any(pair)),
        )
        if there
    ]
    about = (
        "provisioning.url",
        "provisioning.token",
        "provisioning.token_file",
        "provisioning.api_key",
        "provisioning.api_secret",
    )
    if any(pair) and not all(pair):
        missing, there = ("api_secret", "api_key") if pair[0] else ("api_key", "api_secret")
        yield Violation(
            f"provisioning.{missing}",
            f"is missing: it goes with provisioning.{there}",
            ("provisioning.api_key", "provisioning.api_secret"),
        )
    if not given and settings.meeting.source != "provisioned" and needs_meeting(settings):
        yield Violation(
            "provisioning",
            "a way to get a token is missing: give url, token, token_file, or api_key with api_secret",
            (*about, "meeting.source", "meeting.protocol", "whip.endpoint"),
        )
    if len(given) > 1:
        yield Violation(
            given[-1],
            f"there must be one way to get a token, not {len(given)}: {' and '.join(given)}",
            about,
        )
    yield from _bearer(settings)


def _bearer(settings: Settings) -> Iterator[Violation]:
    chosen = settings.provisioning
    about = ("provisioning.auth", "provisioning.bearer")
    if chosen.auth == "bearer" and chosen.bearer is None:
        yield Violation(
            "provisioning.bearer", 'is missing: provisioning.auth "bearer" needs the secret to send', about
        )
    if chosen.auth != "bearer" and chosen.bearer is not None:
        yield Violation(
            "provisioning.auth",
            f'must be "bearer" for provisioning.bearer to be sent, not "{chosen.auth}"',
            about,
        )
    if chosen.auth == "identity" and chosen.url is None:
        yield Violation(
            "provisioning.url",
            'is missing: provisioning.auth "identity" needs the server that the device is enrolled with',
            ("provisioning.auth", "provisioning.url"),
        )
    if chosen.auth == "mtls" and chosen.client_cert is None:
        yield Violation(
            "provisioning.client_cert",
            'is missing: provisioning.auth "mtls" needs the certificate to show',
            ("provisioning.auth", "provisioning.client_cert"),
        )


def _camera(settings: Settings) -> Iterator[Violation]:
    chosen = settings.camera
    if chosen.source == "file" and chosen.device is None:
        yield Violation(
            "camera.device",
            'is missing: camera.source "file" needs the path of a film',
            ("camera.source", "camera.device"),
        )
    needed = "vp8" if chosen.encoder == "vpx" else "h264"
    if chosen.encoder != "auto" and chosen.codec != needed:
        yield Violation(
            "camera.encoder",
            f'"{chosen.encoder}" encodes {needed}, but camera.codec is "{chosen.codec}": "auto" fits both',
            ("camera.encoder", "camera.codec"),
        )
    if chosen.encoder == "picamera2" and chosen.source not in {"auto", "picamera2"}:
        yield Violation(
            "camera.encoder",
            f'"picamera2" needs camera.source "picamera2", not "{chosen.source}"',
            ("camera.encoder", "camera.source"),
        )
    if chosen.format == "h264" and (chosen.codec != "h264" or settings.meeting.multistream):
        yield Violation(
            "camera.format",
            '"h264" is sent as the camera makes it: camera.codec must be "h264", meeting.multistream false',
            ("camera.format", "camera.codec", "meeting.multistream"),
        )
    if (chosen.controls or chosen.tuning_file) and chosen.source not in {"auto", "picamera2"}:
        yield Violation(
            "camera.controls" if chosen.controls else "camera.tuning_file",
            f'is libcamera\'s and needs camera.source "picamera2", not "{chosen.source}"',
            ("camera.controls", "camera.tuning_file", "camera.source"),
        )
