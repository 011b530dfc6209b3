"""`edgemeet run` with a deliberate mistake in what it tells the server of its video.

    python mistaken.py wrong-payload-type

The packets stay right. If the suite did not fail then, it would prove nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from edgemeet.encoded import Kind
from edgemeet.ortc.parameters import RtpParameters
from edgemeet.signaling.meeting import Meeting


def _codec(**changes: object) -> Callable[[RtpParameters], RtpParameters]:
    def change(parameters: RtpParameters) -> RtpParameters:
        first, *others = parameters.codecs
        return parameters.model_copy(update={"codecs": (first.model_copy(update=changes), *others)})

    return change


def _format(**changes: str | int) -> Callable[[RtpParameters], RtpParameters]:
    def change(parameters: RtpParameters) -> RtpParameters:
        merged = parameters.codecs[0].parameters | {k.replace("_", "-"): v for k, v in changes.items()}
        return _codec(parameters=merged)(parameters)

    return change


def _wrong_payload_type(parameters: RtpParameters) -> RtpParameters:
    media, rtx = parameters.codecs
    codecs = (
        media.model_copy(update={"payload_type": 125}),
        rtx.model_copy(update={"parameters": {"apt": 125}}),
    )
    return parameters.model_copy(update={"codecs": codecs})


def _wrong_ssrc(parameters: RtpParameters) -> RtpParameters:
    encodings = tuple(each.model_copy(update={"ssrc": each.ssrc ^ 1}) for each in parameters.encodings)
    return parameters.model_copy(update={"encodings": encodings, "mid": None})


MISTAKES: dict[str, Callable[[RtpParameters], RtpParameters]] = {
    "none": lambda parameters: parameters,
    "wrong-payload-type": _wrong_payload_type,
    "rtx-of-nothing": _codec(payload_type=125),
    "wrong-ssrc": _wrong_ssrc,
    "wrong-profile": _format(profile_level_id="640c34"),
    "wrong-packetization-mode": _format(packetization_mode=0),
    "wrong-clock-rate": _codec(clock_rate=48000),
}


def make(mistake: str) -> None:
    """From now on, in this process."""
    produce = Meeting.produce

    async def mistaken(
        self: Meeting, kind: Kind, rtp_parameters: RtpParameters, app_data: Mapping[str, Any]
    ) -> str:
        if kind == "video":
            rtp_parameters = MISTAKES[mistake](rtp_parameters)
        return await produce(self, kind, rtp_parameters, app_data)

    Meeting.produce = mistaken


if __name__ == "__main__":
    from edgemeet.cli import main

    make(sys.argv.pop(1))
    main()
