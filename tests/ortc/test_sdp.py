"""Offers and answers: what is written is read again, and what others write is understood or refused."""

from __future__ import annotations

import contextlib
import dataclasses
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from edgemeet.encoded import VideoEncoding
from edgemeet.errors import ProtocolMismatch
from edgemeet.ortc.parameters import DtlsFingerprint, DtlsParameters, IceCandidate, IceParameters
from edgemeet.ortc.sdp import (
    Answer,
    LocalSide,
    Media,
    Offer,
    make_offer,
    parameters_to_send,
    read_answer,
    read_offer,
    write_answer,
)
from edgemeet.ortc.sdp.local import candidate_fragment
from edgemeet.sandbox.sfu.offer import capabilities

LAYERS = tuple(
    VideoEncoding(width, width * 9 // 16, 15, rate, 1280 / width)
    for width, rate in ((320, 150_000), (640, 400_000), (1280, 1_500_000))
)
MEDIA = (Media("audio", bitrate=32_000), Media("video", LAYERS[-1:]))


def side(name: str, *, lite: bool = False) -> LocalSide:
    return LocalSide(
        IceParameters(username_fragment=name, password=SecretStr("p" * 24), ice_lite=lite),
        (IceCandidate(foundation="1", priority=9, address="192.0.2.1", protocol="udp", port=1234),),
        DtlsParameters(fingerprints=(DtlsFingerprint(algorithm="sha-256", value="AA:BB"),)),
    )


def offer(*media: Media, lowest_first: bool = False) -> Offer:
    return make_offer(
        media or MEDIA, side("us"), cname="door", random=random.Random(1), lowest_first=lowest_first
    )


def answer_to(made: Offer) -> str:
    return write_answer(read_offer(made.sdp, capabilities()), side("them", lite=True), session_id=7)


def sent(answer: Answer, kind: str, codec: str = "h264"):
    accepted = next(each for each in answer.accepted if each.section.media.kind == kind)
    return parameters_to_send(accepted, codec=codec, cname="door", random=random.Random(2))


def refusal(text: str, made: Offer) -> ProtocolMismatch:
    with pytest.raises(ProtocolMismatch) as raised:
        read_answer(text, made)
    return raised.value


def test_what_is_sent_is_what_was_offered():
    made = offer()
    answer = read_answer(answer_to(made), made)
    assert answer.transport.ice_parameters.ice_lite
    assert answer.transport.ice_parameters.username_fragment == "them"
    assert [(c.host, c.port) for c in answer.transport.ice_candidates] == [("192.0.2.1", 1234)]
    assert answer.transport.dtls_parameters.role == "server"
    video, audio = sent(answer, "video"), sent(answer, "audio")
    assert [c.mime_type for c in video.codecs] == ["video/H264", "video/rtx"]
    assert [c.mime_type for c in audio.codecs] == ["audio/opus"]
    (encoding,) = video.encodings
    assert f"a=ssrc-group:FID {encoding.ssrc} {encoding.rtx.ssrc}" in made.sdp
    assert encoding.max_bitrate == 1_500_000
    assert audio.encodings[0].max_bitrate == 32_000


END = "a=end-of-candidates\r\n"


def test_who_trickles_tells_the_end_of_its_addresses_last():
    """RFC 8838, 14: none is taken after the end, wherever that stood."""
    trickling = dataclasses.replace(side("us"), trickles=True)
    text = make_offer(MEDIA, trickling, cname="door", random=random.Random(1)).sdp
    assert END not in text
    assert text.count("a=ice-options:trickle\r\n") == len(MEDIA)
    assert END in offer().sdp
    late = trickling.ice_candidates
    assert END not in candidate_fragment(trickling.ice_parameters, "0", late, complete=False)
    assert candidate_fragment(trickling.ice_parameters, "0", late, complete=True).endswith(END)


def test_the_sandbox_reads_what_would_be_sent():
    made = offer()
    received = read_offer(made.sdp, capabilities())
    answer = read_answer(answer_to(made), made)
    for media in received.media:
        ours = sent(answer, media.kind)
        assert [c.payload_type for c in media.parameters.codecs] == [c.payload_type for c in ours.codecs]
        assert [e.ssrc for e in media.parameters.encodings] == [e.ssrc for e in ours.encodings]
        theirs = {(each.uri, each.id) for each in media.parameters.header_extensions}
        assert {(each.uri, each.id) for each in ours.header_extensions} <= theirs


@pytest.mark.parametrize(("lowest_first", "order"), [(False, "f;h;q"), (True, "q;h;f")], ids=["rfc", "other"])
def test_layers_are_named(lowest_first: bool, order: str):
    made = offer(Media("video", LAYERS), lowest_first=lowest_first)
    assert f"a=simulcast:send {order}\r\n" in made.sdp
    assert "a=ssrc" not in made.sdp
    text = answer_to(made)
    assert f"a=simulcast:recv {order}\r\n" in text
    encodings = sent(read_answer(text, made), "video").encodings
    assert [(e.rid, e.max_bitrate) for e in encodings] == [("q", 150_000), ("h", 400_000), ("f", 1_500_000)]


@pytest.mark.parametrize(
    ("line", "rids"),
    [
        ("", ["f"]),  # RFC 8853, 5.3: no simulcast, one stream
        ("a=simulcast:recv h;f\r\n", ["h", "f"]),
        ("a=simulcast:recv ~q;h,f\r\n", ["q", "h"]),
        ("a=simulcast: recv rid=q;h;f\r\n", ["q", "h", "f"]),  # an older draft
        ("a=simulcast:recv 1;2\r\n", ["f"]),
    ],
    ids=["none", "two", "paused and alternative", "draft", "other names"],
)
def test_an_answer_takes_the_layers_it_names(line: str, rids: list[str]):
    made = offer(Media("video", LAYERS))
    text = answer_to(made).replace("a=simulcast:recv f;h;q\r\n", line)
    assert [e.rid for e in sent(read_answer(text, made), "video").encodings] == rids


def test_extension_numbers_mean_one_thing_in_the_bundle():
    made = offer(Media("audio"), Media("video", LAYERS))
    numbers = {}
    for line in made.sdp.splitlines():
        if line.startswith("a=extmap:"):
            number, uri = line.removeprefix("a=extmap:").split()
            assert numbers.setdefault(number, uri) == uri


def test_the_server_may_choose_the_other_codec():
    made = offer()
    gone = ("a=rtpmap:103", "a=fmtp:103", "a=fmtp:102")
    kept = [line for line in answer_to(made).split("\r\n") if not line.startswith(gone)]
    text = "\r\n".join(kept).replace(" 102 103", " 96").replace(":102", ":96").replace("H264", "VP8")
    video = sent(read_answer(text, made), "video", codec="vp8")
    assert [c.mime_type for c in video.codecs] == ["video/VP8"]
    assert video.encodings[0].rtx is None


def test_a_format_without_parameters_is_the_one_of_its_number():
    made = offer()
    text = "\r\n".join(line for line in answer_to(made).split("\r\n") if not line.startswith("a=fmtp:102"))
    assert sent(read_answer(text, made), "video").codecs[0].mime_type == "video/H264"


BAD = {
    "another codec": (lambda t: t.replace("H264/90000", "H265/90000"), "protocol.no_common_codec"),
    "another profile": (lambda t: t.replace("42e01f", "64001f"), "protocol.no_common_codec"),
    "single NAL units": (
        lambda t: t.replace("packetization-mode=1", "packetization-mode=0"),
        "protocol.no_common_codec",
    ),
    "picture rejected": (lambda t: t.replace("m=video 9", "m=video 0"), "protocol.no_common_codec"),
    "no credentials": (lambda t: t.replace("a=ice-ufrag:them\r\n", ""), "protocol.sdp_no_ice"),
    "no address": (
        lambda t: "\r\n".join(x for x in t.split("\r\n") if "candidate" not in x),
        "protocol.sdp_no_ice",
    ),
    "no certificate": (lambda t: t.replace("a=fingerprint:sha-256 AA:BB\r\n", ""), "protocol.sdp_no_dtls"),
    "no role": (lambda t: t.replace("a=setup:passive\r\n", ""), "protocol.sdp_no_dtls"),
    "role left open": (lambda t: t.replace("setup:passive", "setup:actpass"), "protocol.sdp_no_dtls"),
    "two transports": (lambda t: t.replace("ufrag:them", "ufrag:more", 1), "protocol.sdp_no_bundle"),
    "sends only": (lambda t: t.replace("a=recvonly", "a=sendonly"), "protocol.sdp_direction"),
    "inactive": (lambda t: t.replace("a=recvonly", "a=inactive"), "protocol.sdp_direction"),
    "one section": (lambda t: t[: t.index("m=video")], "protocol.sdp"),
    "other order": (lambda t: t.replace("m=audio 9", "m=application 9"), "protocol.sdp"),
    "a page": (lambda t: "<html>hello</html>", "protocol.sdp"),
    "nothing": (lambda t: "", "protocol.sdp"),
    "JSON": (lambda t: '{"sdp": "v=0"}', "protocol.sdp"),
    "a payload type out of range": (lambda t: t.replace("SAVPF 111", "SAVPF 999"), "protocol.sdp"),
    "a broken line": (lambda t: t.replace("a=rtpmap:111 opus/48000/2", "a=rtpmap:111"), "protocol.sdp"),
}


@pytest.mark.parametrize("name", list(BAD))
def test_a_bad_answer_is_told_by_its_code(name: str):
    spoil, code = BAD[name]
    made = offer()
    error = refusal(spoil(answer_to(made)), made)
    assert error.code == code
    assert "p" * 24 not in error.message


def test_an_offer_whose_codecs_nobody_knows_is_refused():
    text = offer(Media("audio")).sdp.replace("opus", "PCMU")
    with pytest.raises(ProtocolMismatch) as raised:
        read_offer(text, capabilities())
    assert raised.value.code == "protocol.no_common_codec"


def test_what_cannot_be_taken_of_an_offer_is_rejected_alone():
    received = read_offer(offer().sdp.replace("opus", "PCMU"), capabilities())
    assert [media.parameters is None for media in received.media] == [True, False]
    answer = write_answer(received, side("them", lite=True), session_id=7)
    assert "m=audio 0 " in answer
    assert "a=group:BUNDLE 1\r\n" in answer


def test_a_section_that_shares_a_transport_is_not_rejected_by_its_port():
    """As GStreamer offers it (RFC 9143): port 0 and a=bundle-only."""
    text = offer().sdp.replace("m=video 9", "m=video 0").replace("a=mid:1", "a=mid:1\r\na=bundle-only")
    assert [media.parameters is None for media in read_offer(text, capabilities()).media] == [False, False]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_an_answer_that_was_damaged_is_read_or_refused(data: st.DataObject):
    made = offer(Media("audio"), Media("video", LAYERS))
    lines = answer_to(made).split("\r\n")
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        if data.draw(st.booleans()):
            del lines[at]
        else:
            lines[at] = lines[at][: data.draw(st.integers(0, 12))] + data.draw(st.text(max_size=12))
        if not lines:
            break
    # Any other exception fails the test.
    with contextlib.suppress(ProtocolMismatch):
        read_answer("\r\n".join(lines), made)
