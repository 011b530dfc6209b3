"""The pictures that all senders are fed, and the encoders alone."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import av
import pytest
from measuring import picture
from measuring.floor import encode
from measuring.meeting import capture_cost
from measuring.prepared import Material, inserted, prepared


@pytest.fixture(scope="module")
def pixels() -> list[bytes]:
    return [picture.pixels(frame) for frame in picture.generate(3)]


def test_each_picture_is_another_and_comes_back_as_it_was(pixels: list[bytes], tmp_path: Path) -> None:
    assert all(len(each) == picture.FRAME_BYTES for each in pixels)
    assert all(a != b for a, b in itertools.combinations(pixels, 2))
    raw = tmp_path / "pictures.yuv"
    raw.write_bytes(b"".join(pixels))
    assert [picture.pixels(frame) for frame in picture.read_pictures(raw)] == pixels


@pytest.mark.parametrize("layers", [1, 3])
def test_the_encoder_alone_keeps_to_its_rate(layers: int, pixels: list[bytes], tmp_path: Path) -> None:
    raw = tmp_path / "pictures.yuv"
    raw.write_bytes(b"".join(pixels))
    seen = encode(raw, "h264", layers, 2, paced=False)
    wanted = {1: 1500, 3: 2050}[layers]
    assert wanted / 1.5 < seen.kilobits < 1.5 * wanted
    assert seen.cpu_per_minute > 0


@pytest.fixture(scope="module")
def material() -> Iterator[Material]:
    with prepared() as made:
        yield made
    assert not made.raw.parent.exists()


def test_chromium_and_the_device_get_what_they_can_read(material: Material) -> None:
    with av.open(str(material.film)) as film:
        context = film.streams.video[0].codec_context
        assert (context.width, context.height) == (picture.WIDTH, picture.HEIGHT)
        assert context.profile in {"Baseline", "Constrained Baseline"}
    with av.open(str(material.y4m)) as y4m:
        first = next(y4m.decode(video=0))
        assert picture.pixels(first) == material.raw.read_bytes()[: picture.FRAME_BYTES]


async def test_a_camera_of_a_measured_device_is_captured(material: Material) -> None:
    """In a process of its own, as a device starts it."""
    assert await capture_cost(material, layers=1, seconds=0.5) > 0


def test_the_test_camera_of_a_measured_device_is_another(material: Material) -> None:
    code = "from edgemeet.media.sources import pattern; print(pattern.__file__)"
    with inserted(material):
        told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip().endswith("measuring/inserted/prepared_camera.py")
