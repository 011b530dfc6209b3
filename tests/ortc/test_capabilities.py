from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from edgemeet.encoded import VideoCodec, VideoEncoding
from edgemeet.errors import ProtocolMismatch
from edgemeet.ortc.capabilities import offered_video_codec, receive_capabilities, send_parameters
from edgemeet.ortc.consuming import (
    can_consume,
    consumer_parameters,
    header_extension_map,
    payload_type_map,
    router_capabilities,
)
from edgemeet.ortc.header_extensions import (
    ABS_CAPTURE_TIME,
    ABS_SEND_TIME,
    AUDIO_LEVEL,
    MID,
    TRANSPORT_WIDE_CC,
)
from edgemeet.ortc.parameters import RtpCapabilities, RtpHeaderExtension, RtpParameters

LAYERS = (
    VideoEncoding(width=320, height=180, fps=15, max_bitrate=150_000, scale=4),
    VideoEncoding(width=640, height=360, fps=20, max_bitrate=400_000, scale=2),
    VideoEncoding(width=1280, height=720, fps=30, max_bitrate=1_500_000),
)


@pytest.fixture
def router() -> RtpCapabilities:
    """A mediasoup router with Opus, VP8, VP9 profile 2, H.264 main and H.264 constrained baseline."""
    text = Path(__file__).with_name("router_capabilities.json").read_text()
    return RtpCapabilities.model_validate(json.loads(text))


def without(router: RtpCapabilities, *mime_types: str) -> RtpCapabilities:
    kept = tuple(codec for codec in router.codecs if codec.mime_type.lower() not in mime_types)
    return router.model_copy(update={"codecs": kept})


def video(
    router: RtpCapabilities, codec: VideoCodec = "h264", layers: tuple[VideoEncoding, ...] = LAYERS
) -> RtpParameters:
    return send_parameters(
        router, "video", codec=codec, encodings=layers, random=random.Random(1), cname="cam", mid="video"
    )


def audio(router: RtpCapabilities) -> RtpParameters:
    return send_parameters(
        router, "audio", codec=None, encodings=(), random=random.Random(1), cname="cam", mid="audio"
    )


@pytest.mark.parametrize(("codec", "payload_types"), [("h264", [107, 108]), ("vp8", [101, 102])])
def test_video_is_produced_with_the_routers_payload_types(
    router: RtpCapabilities, codec: VideoCodec, payload_types: list[int]
) -> None:
    parameters = video(router, codec)
    assert [entry.payload_type for entry in parameters.codecs] == payload_types
    assert parameters.codecs[1].parameters == {"apt": payload_types[0]}


def test_h264_is_constrained_baseline_without_the_routers_bitrate_hints(router: RtpCapabilities) -> None:
    assert video(router).codecs[0].parameters == {
        "packetization-mode": 1,
        "profile-level-id": "42e01f",
        "level-asymmetry-allowed": 1,
    }


def test_only_feedback_and_extensions_that_are_acted_on_are_announced(router: RtpCapabilities) -> None:
    parameters = video(router)
    feedback = {(entry.type, entry.parameter) for entry in parameters.codecs[0].rtcp_feedback}
    assert feedback == {
        ("nack", ""),
        ("nack", "pli"),
        ("ccm", "fir"),
        ("goog-remb", ""),
        ("transport-cc", ""),
    }
    assert {entry.uri: entry.id for entry in parameters.header_extensions} == {
        MID: 1,
        ABS_SEND_TIME: 4,
        TRANSPORT_WIDE_CC: 5,
        ABS_CAPTURE_TIME: 13,
    }
    sound = audio(router)
    assert {entry.uri: entry.id for entry in sound.header_extensions} == {
        MID: 1,
        ABS_SEND_TIME: 4,
        TRANSPORT_WIDE_CC: 5,
        ABS_CAPTURE_TIME: 13,
        AUDIO_LEVEL: 10,
    }


def test_an_extension_that_the_router_only_sends_is_not_used(router: RtpCapabilities) -> None:
    extensions = (RtpHeaderExtension(kind="video", uri=MID, preferred_id=1, direction="sendonly"),)
    router = router.model_copy(update={"header_extensions": extensions})
    assert video(router).header_extensions == ()


def test_layers_have_distinct_ssrcs_and_their_limits(router: RtpCapabilities) -> None:
    encodings = video(router).encodings
    ssrcs = [e.ssrc for e in encodings] + [e.rtx.ssrc for e in encodings if e.rtx]
    assert len(set(ssrcs)) == 6
    assert [e.max_bitrate for e in encodings] == [150_000, 400_000, 1_500_000]
    assert [e.scale_resolution_down_by for e in encodings] == [4, 2, 1]
    assert {e.scalability_mode for e in encodings} == {"L1T1"}


def test_one_encoding_looks_as_the_vendors_sdk_sends_it(router: RtpCapabilities) -> None:
    (encoding,) = video(router, layers=LAYERS[2:]).to_wire()["encodings"]
    assert set(encoding) == {"ssrc", "rtx", "maxBitrate", "maxFramerate"}


@pytest.mark.parametrize("bitrate", [None, 32_000])
def test_audio_asks_for_no_more_than_its_encoder_gives(router: RtpCapabilities, bitrate: int | None) -> None:
    parameters = send_parameters(
        router,
        "audio",
        codec=None,
        encodings=(),
        random=random.Random(1),
        cname="cam",
        mid="audio",
        audio_bitrate=bitrate,
    )
    assert [encoding.max_bitrate for encoding in parameters.encodings] == [bitrate]


def test_audio_is_opus_with_fec_and_dtx(router: RtpCapabilities) -> None:
    parameters = audio(router)
    assert [entry.payload_type for entry in parameters.codecs] == [100]
    assert parameters.codecs[0].parameters == {"useinbandfec": 1, "usedtx": 1}
    assert parameters.codecs[0].channels == 2
    assert parameters.rtcp.cname == "cam"
    assert parameters.encodings[0].rtx is None


@pytest.mark.parametrize(
    ("removed", "preferred", "offered"),
    [
        ((), "h264", "h264"),
        ((), "vp8", "vp8"),
        (("video/h264",), "h264", "vp8"),
        (("video/vp8",), "vp8", "h264"),
    ],
)
def test_the_other_codec_stands_in(
    router: RtpCapabilities, removed: tuple[str, ...], preferred: VideoCodec, offered: VideoCodec
) -> None:
    assert offered_video_codec(without(router, *removed), preferred) == offered


def test_no_common_codec_says_what_the_router_takes(router: RtpCapabilities) -> None:
    router = without(router, "video/vp8")
    codecs = tuple(c for c in router.codecs if c.parameters.get("profile-level-id") != "42e01f")
    with pytest.raises(ProtocolMismatch, match=r"video/H264 4d0032") as caught:
        offered_video_codec(router.model_copy(update={"codecs": codecs}), "h264")
    assert caught.value.code == "protocol.no_common_codec"


@pytest.mark.parametrize(
    ("profile", "mode", "taken"),
    [
        ("42e01f", 1, True),
        ("42E01F", "1", True),
        ("42c028", 1, True),
        ("42001f", 1, True),
        ("42e01f", 0, False),
        ("640032", 1, False),
        ("zzz", 1, False),
        (None, 1, True),
    ],
)
def test_h264_profiles(router: RtpCapabilities, profile: str | None, mode: str | int, *, taken: bool) -> None:
    router = without(router, "video/vp8", "video/vp9")
    codecs = tuple(
        codec.model_copy(update={"parameters": {"profile-level-id": profile, "packetization-mode": mode}})
        for codec in router.codecs
        if codec.preferred_payload_type == 107
    )
    router = router.model_copy(update={"codecs": codecs})
    if taken:
        assert offered_video_codec(router, "h264") == "h264"
    else:
        with pytest.raises(ProtocolMismatch):
            offered_video_codec(router, "h264")


def test_what_we_can_receive_is_part_of_what_the_router_has(router: RtpCapabilities) -> None:
    ours = receive_capabilities(router)
    assert [c.preferred_payload_type for c in ours.codecs] == [100, 107, 108, 101, 102]
    assert {e.uri for e in ours.header_extensions} == {
        MID,
        ABS_SEND_TIME,
        TRANSPORT_WIDE_CC,
        ABS_CAPTURE_TIME,
        AUDIO_LEVEL,
    }


def test_a_producer_of_other_numbers_is_mapped_to_the_routers(router: RtpCapabilities) -> None:
    producer = video(router)
    other = router_capabilities()
    assert payload_type_map(producer, other) == {107: 103, 108: 104}
    assert header_extension_map(producer, other) == {1: 1, 4: 4, 5: 5, 13: 13}


def test_a_codec_unknown_to_the_router_cannot_be_mapped(router: RtpCapabilities) -> None:
    with pytest.raises(ProtocolMismatch) as caught:
        payload_type_map(video(router), without(router_capabilities(), "video/h264"))
    assert caught.value.code == "protocol.unsupported_codec"


def test_a_consumer_gets_the_routers_numbers_and_its_own_ssrcs(router: RtpCapabilities) -> None:
    ours = router_capabilities()
    consumer = consumer_parameters(video(router), ours, ours, ssrc=5, rtx_ssrc=6, mid="0")
    assert [entry.payload_type for entry in consumer.codecs] == [103, 104]
    assert consumer.codecs[0].parameters["profile-level-id"] == "42e01f"
    assert consumer.codecs[1].parameters == {"apt": 103}
    (encoding,) = consumer.encodings
    assert encoding.ssrc == 5
    assert encoding.rtx is not None
    assert encoding.rtx.ssrc == 6
    assert encoding.max_bitrate == 1_500_000
    assert consumer.rtcp.cname == "cam"
    assert {entry.uri for entry in consumer.header_extensions} == {MID, ABS_SEND_TIME}


def test_a_consumer_gets_only_what_it_lists(router: RtpCapabilities) -> None:
    ours = router_capabilities()
    listed = tuple(c for c in ours.codecs if c.preferred_payload_type in (100, 103))
    receiver = RtpCapabilities(codecs=listed)
    consumer = consumer_parameters(video(router), ours, receiver, ssrc=5, rtx_ssrc=6)
    assert [entry.payload_type for entry in consumer.codecs] == [103]
    assert consumer.encodings[0].rtx is None
    assert consumer.header_extensions == ()
    # Without the extension that it measures by, bandwidth feedback is useless.
    assert "goog-remb" not in {entry.type for entry in consumer.codecs[0].rtcp_feedback}


def test_bandwidth_feedback_is_of_one_kind(router: RtpCapabilities) -> None:
    consumer = consumer_parameters(video(router), router, router, ssrc=5, rtx_ssrc=6)
    assert TRANSPORT_WIDE_CC in {entry.uri for entry in consumer.header_extensions}
    kinds = {entry.type for entry in consumer.codecs[0].rtcp_feedback}
    assert "transport-cc" in kinds
    assert "goog-remb" not in kinds


def test_who_cannot_decode_cannot_consume(router: RtpCapabilities) -> None:
    ours = router_capabilities()
    sound = RtpCapabilities(codecs=ours.codecs[:1])
    assert can_consume(audio(router), ours, sound)
    assert not can_consume(video(router), ours, sound)
    assert not can_consume(video(router), ours, without(ours, "video/h264"))
    assert not can_consume(video(router), without(ours, "video/h264"), ours)
    with pytest.raises(ProtocolMismatch) as caught:
        consumer_parameters(video(router), ours, sound, ssrc=5, rtx_ssrc=6)
    assert caught.value.code == "protocol.cannot_consume"
