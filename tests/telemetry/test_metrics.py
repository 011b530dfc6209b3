"""The metrics as Prometheus' own parser reads them, and the document that lists them."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from edgemeet.control import (
    CaptureView,
    EncodingStatus,
    HealthStatus,
    MeetingStatus,
    ProducerStatus,
    Status,
    TimingStatus,
    TokenStatus,
    TransportStatus,
)
from edgemeet.telemetry.metrics import exposition
from edgemeet.telemetry.tally import Tally

DOCUMENT = Path(__file__).parents[2] / "docs" / "metrics.md"

STATUS = Status(
    version="1.2.3",
    state="joined",
    phase=None,
    for_seconds=1.5,
    uptime=60.0,
    next_join_in=None,
    joins=2,
    attempts=3,
    meeting=MeetingStatus(id="abcd-efgh-ijkl", participant_id='cam-"1"', name="Door"),
    token=TokenStatus(expires_at=1_800_000_000.0),
    producers=(
        ProducerStatus(
            id="v",
            kind="video",
            codec="h264",
            encodings=tuple(
                EncodingStatus(
                    ssrc=layer,
                    width=640,
                    height=360,
                    frames_per_second=29.5,
                    capture_to_send=0.0125,
                    bitrate=1000.0 * (layer + 1),
                    target_bitrate=1_600_000,
                    packets_sent=1000,
                    bytes_sent=1_000_000,
                    frames_sent=300,
                    key_frames_sent=3,
                    frames_dropped=2,
                    retransmitted_packets_sent=5,
                    nack_count=4,
                    pli_count=1,
                    packets_lost=None,
                    fraction_lost=0.02,
                    round_trip_time=0.03,
                    jitter=None,
                )
                for layer in range(2)
            ),
        ),
    ),
    captures=(
        CaptureView(kind="video", on=True, state="running", frames=500, restarts=2),
        CaptureView(kind="audio", on=True, state="waiting", audio_level=-31),
    ),
    transport=TransportStatus(
        state="connected", round_trip_time=0.03, available_bitrate=2_000_000, bytes_sent=1, packets_sent=1
    ),
    timing=TimingStatus(process_to_first_media=1.2, attempt_to_token=0.1, token_to_first_media=0.4),
    health=(HealthStatus(code="device.silent", message="nothing", severity="warning", since=1.0),),
)


def tally() -> Tally:
    counted = Tally()
    counted.state_seconds["joined"] += 5.5
    counted.session_ends["signaling.lost"] += 3
    counted.useless["video", "frozen"] += 1
    counted.recovery.observe(2.5)
    counted.token_to_media.observe(0.4)
    return counted


def samples(folder: Path) -> dict[str, float]:
    (folder / "temp").write_text("48312\n")
    text = exposition(STATUS, tally(), thermal=folder / "temp").decode()
    return {
        sample.name + "".join(f"[{value}]" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_what_the_status_says_is_there(tmp_path: Path) -> None:
    found = samples(tmp_path)
    expected = {
        'edgemeet_info[cam-"1"][1.2.3]': 1.0,
        "edgemeet_state[joined]": 1.0,
        "edgemeet_state[held]": 0.0,
        "edgemeet_state_seconds_total[joined]": 5.5,
        "edgemeet_joins_total": 2.0,
        "edgemeet_session_ends_total[signaling.lost]": 3.0,
        "edgemeet_recovery_seconds_bucket[2.0]": 0.0,
        "edgemeet_recovery_seconds_bucket[3.0]": 1.0,
        "edgemeet_recovery_seconds_bucket[+Inf]": 1.0,
        "edgemeet_recovery_seconds_count": 1.0,
        "edgemeet_recovery_seconds_sum": 2.5,
        "edgemeet_bitrate_bits_per_second[video][0]": 1000.0,
        "edgemeet_bitrate_bits_per_second[video][1]": 2000.0,
        "edgemeet_capture_to_send_seconds[video][1]": 0.0125,
        "edgemeet_plis_total[video][1]": 1.0,
        "edgemeet_capture_running[audio]": 0.0,
        "edgemeet_capture_restarts_total[video]": 2.0,
        "edgemeet_capture_useless_total[video][frozen]": 1.0,
        "edgemeet_audio_level_dbov": -31.0,
        "edgemeet_health[device.silent][warning]": 1.0,
        "edgemeet_temperature_celsius": 48.312,
    }
    assert {name: found.get(name) for name in expected} == expected
    assert found["edgemeet_process_resident_memory_bytes"] > 1_000_000


def test_what_is_unknown_is_left_out(tmp_path: Path) -> None:
    found = samples(tmp_path)
    assert not [name for name in found if name.startswith(("edgemeet_jitter", "edgemeet_packets_lost"))]
    text = exposition(STATUS, Tally(), thermal=tmp_path / "no").decode()
    assert "\nedgemeet_temperature_celsius " not in text


def test_the_document_lists_every_metric_and_no_other() -> None:
    text = exposition(STATUS, tally()).decode()
    names = set(re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE))
    listed = set(re.findall(r"^\| `(edgemeet_\w+)` \|", DOCUMENT.read_text(), re.MULTILINE))
    assert listed == names
