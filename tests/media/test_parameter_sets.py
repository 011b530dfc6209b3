"""A camera's own H.264: parameter sets stand before every keyframe."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgemeet.media import annexb

START = b"\0\0\0\1"
SPS, PPS, IDR, SLICE = (START + bytes([kind]) + b"\x42\x11" for kind in (0x67, 0x68, 0x65, 0x41))
DELIMITER = START + b"\x09\x10"


@pytest.mark.parametrize(
    ("units", "sent"),
    [
        ([SPS + PPS + IDR], [SPS + PPS + IDR]),
        ([SPS + PPS, IDR, SLICE], [None, SPS + PPS + IDR, SLICE]),
        ([SPS + PPS + IDR, SLICE, IDR], [SPS + PPS + IDR, SLICE, SPS + PPS + IDR]),
        ([SPS + PPS, DELIMITER + IDR], [None, DELIMITER + SPS + PPS + IDR]),
        ([IDR], [IDR]),  # nothing is known; the decoder will ask again
        ([b""], [None]),
        ([SPS + PPS, SPS[:-1] + b"\x12" + IDR], [None, PPS + SPS[:-1] + b"\x12" + IDR]),
    ],
)
def test_parameter_sets_stand_before_keyframes(units, sent):
    sets = annexb.ParameterSets()
    assert [complete and complete[0] for complete in map(sets.complete, units)] == sent


def test_parameter_sets_from_before_the_first_picture_are_used():
    assert annexb.ParameterSets(SPS + PPS).complete(IDR) == (SPS + PPS + IDR, True)


@given(
    st.lists(
        st.tuples(st.integers(1, 23), st.binary(min_size=1, max_size=9).filter(lambda b: 0 not in b)),
        min_size=1,
        max_size=8,
    )
)
def test_units_put_together_again_are_the_stream(parts):
    data = b"".join(START + bytes([kind]) + body for kind, body in parts)
    units = list(annexb.nal_units(data))
    assert b"".join(unit for _, unit in units) == data
    assert [kind for kind, _ in units] == [kind for kind, _ in parts]
    assert list(annexb.nal_types(data)) == [kind for kind, _ in parts]


@given(st.binary(max_size=200))
def test_noise_is_no_reason_to_fall_over(data):
    annexb.ParameterSets(data).complete(data)
    assert all(unit for _, unit in annexb.nal_units(data))
    assert len(list(annexb.nal_units(data))) == len(list(itertools.chain(annexb.nal_types(data))))
