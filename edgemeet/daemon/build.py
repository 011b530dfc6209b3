"""From settings to parts. The only place that knows both sides."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx

from edgemeet.config import Settings
from edgemeet.encoded import VideoCodec, VideoEncoding
from edgemeet.media.capture import CaptureProcess
from edgemeet.media.layers import encodings
from edgemeet.media.placeholder import PlaceholderCapture
from edgemeet.media.plan import CameraPlan, MicrophonePlan, camera_plan, microphone_plan
from edgemeet.provisioning import (
    MeetingSource,
    Provisioner,
    ProvisioningOptions,
    identity_file,
)
from edgemeet.rest import new_client
from edgemeet.state import StateStore
from edgemeet.supervisor import Device, Limits
from edgemeet.telemetry import Redactor

if TYPE_CHECKING:
    from edgemeet.telemetry.mqtt import MqttOptions
    from edgemeet.telemetry.remote_hands import Door, RemoteHands

# ruff: noqa: PLC0415 - what few devices are configured to do is loaded where they are: a start is short


def teach(redactor: Redactor, settings: Settings) -> None:
    """Make the redactor know every secret of the settings."""
    provisioning = settings.provisioning
    for secret in (
        provisioning.bearer,
        provisioning.token,
        provisioning.api_key,
        provisioning.api_secret,
        settings.whip.bearer,
        settings.whip.endpoint,
        settings.mqtt.password,
    ):
        if secret is not None:
            redactor.learn(secret.get_secret_value())


def layers_of_camera(settings: Settings) -> tuple[VideoEncoding, ...]:
    """The encodings of the camera, lowest bitrate first."""
    chosen = settings.camera
    return encodings(
        chosen.width,
        chosen.height,
        chosen.fps,
        multistream=settings.meeting.multistream,
        codec=chosen.codec,
        max_bitrate=chosen.max_bitrate,
    )


def plan_of_camera(settings: Settings, layers: tuple[VideoEncoding, ...], codec: VideoCodec) -> CameraPlan:
    """How the camera is captured."""
    chosen = settings.camera
    return camera_plan(
        source=chosen.source,
        device=chosen.device,
        width=chosen.width,
        height=chosen.height,
        fps=chosen.fps,
        encodings=layers,
        codec=codec,
        encoder=chosen.encoder,
        capture_format=chosen.format,
        rotation=chosen.rotation,
        hflip=chosen.hflip,
        vflip=chosen.vflip,
        controls=chosen.controls,
        tuning_file=str(chosen.tuning_file) if chosen.tuning_file else None,
        label=settings.meeting.name,
    )


def plan_of_microphone(settings: Settings) -> MicrophonePlan:
    """How the microphone is captured."""
    chosen = settings.microphone
    return microphone_plan(
        source=chosen.source,
        device=chosen.device,
        bitrate=chosen.bitrate,
        gain_db=chosen.gain_db,
        tone_hz=chosen.tone_hz,
    )


def camera(settings: Settings) -> Device:
    """The camera, off when `meeting.webcam` is false."""
    chosen = settings.camera
    layers = layers_of_camera(settings)

    def capture(codec: VideoCodec) -> PlaceholderCapture:
        plan = plan_of_camera(settings, layers, codec)
        return PlaceholderCapture(plan, CaptureProcess(plan))

    return Device("video", capture, on=settings.meeting.webcam, encodings=layers, codec=chosen.codec)


def microphone(settings: Settings) -> Device:
    """The microphone, off when `meeting.mic` is false."""
    chosen = settings.microphone

    def capture(_: VideoCodec) -> CaptureProcess:
        return CaptureProcess(plan_of_microphone(settings))

    return Device(
        "audio",
        capture,
        on=settings.meeting.mic,
        bitrate=chosen.bitrate,
        mute_to_silence=chosen.mute == "silence",
    )


def mqtt_options(settings: Settings, participant_id: str) -> MqttOptions | None:
    """The broker, if one is wanted."""
    chosen = settings.mqtt
    if chosen.host is None:
        return None
    from edgemeet.telemetry.mqtt import MqttOptions

    return MqttOptions(
        host=chosen.host,
        port=chosen.port or (8883 if chosen.tls else 1883),
        participant_id=participant_id,
        tls=chosen.tls,
        ca_file=chosen.ca_file,
        username=chosen.username,
        password=chosen.password,
        topic=chosen.topic,
        interval=chosen.interval,
        snapshot_interval=chosen.snapshot_interval,
        commands=chosen.commands,
        discovery_prefix=chosen.discovery_prefix if chosen.discovery else None,
    )


def remote_hands(settings: Settings, participant_id: str, door: Callable[[], Door]) -> RemoteHands | None:
    """Answers participants of the meeting, if any may ask."""
    named = settings.remote.participants
    if named is None:
        return None
    from edgemeet.telemetry.remote_hands import RemoteHands

    return RemoteHands(participant_id, frozenset(one.strip() for one in named.split(",")), door)


def http_client(settings: Settings) -> httpx.AsyncClient:
    """For the provisioning server and VideoSDK's API. Raises ConfigError for files that cannot be used."""
    chosen = settings.provisioning
    return new_client(
        ca_file=chosen.ca_file,
        client_cert=chosen.client_cert if chosen.auth == "mtls" else None,
        client_key=chosen.client_key,
    )


def provisioning_options(settings: Settings) -> ProvisioningOptions:
    """How to get a token."""
    chosen = settings.provisioning
    return ProvisioningOptions(
        url=chosen.url,
        method=chosen.method,
        auth=chosen.auth,
        bearer=chosen.bearer,
        identity_file=chosen.identity_file or identity_file(settings.state_directory),
        timeout=chosen.timeout,
        token=chosen.token,
        token_file=chosen.token_file,
        api_key=chosen.api_key,
        api_secret=chosen.api_secret,
        token_ttl=chosen.token_ttl,
    )


def provisioner(
    settings: Settings, client: httpx.AsyncClient, participant_id: str, store: StateStore | None = None
) -> Provisioner:
    """Where tokens and meetings come from."""
    meeting = settings.meeting
    return Provisioner(
        provisioning_options(settings),
        MeetingSource(
            source=meeting.source,
            id=meeting.id,
            custom_id=meeting.custom_id,
            name=meeting.name,
            metadata=meeting.metadata,
            api_url=meeting.api_url,
        ),
        client,
        participant_id,
        store=store,
    )


def limits(settings: Settings) -> Limits:
    """How patient the supervisor is to be."""
    chosen = settings.recovery
    return Limits(
        start_jitter=chosen.start_jitter,
        clock_wait=chosen.clock_timeout,
        media_timeout=chosen.media_timeout,
        path_timeout=chosen.path_timeout,
        probe=chosen.probe_servers,
        entry_timeout=settings.meeting.entry_timeout,
        duplicate_hold=chosen.duplicate_hold,
        removal_hold=chosen.removal_hold if chosen.after_removal == "rejoin" else None,
    )
