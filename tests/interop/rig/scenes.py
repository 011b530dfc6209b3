"""Pictures to encode, the same at every run: no camera gives pictures that two encoders can be compared on.

Both are made of textures whose detail is distributed as in photographs (as much in each octave), and carry a
sensor's noise, which is new in each picture and what an encoder spends its bits on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from random import Random

from av import VideoFrame
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

_MIDDLE = 128  # no noise, no colour
_UNIFORM_SD = 256 / math.sqrt(12)
_MEAN_OF = 4  # uniform values make a good enough normal one
_OCTAVES = (128, 64, 32, 16, 8, 4, 2, 1)  # pixels
_FLAT = [72 + value * 7 // 16 for value in range(256)]  # the contrast of a room, not of a test chart


@dataclass(frozen=True, slots=True)
class Scene:
    """`pictures(width, height, count)` gives yuv420p."""

    name: str
    about: str
    pictures: Callable[[int, int, int], Iterator[VideoFrame]]


def texture(random: Random, width: int, height: int, *, finest: int = 1) -> Image.Image:
    """Grey, 0 to 255: noise in octaves down to `finest` pixels, each as strong as the others."""
    whole = Image.new("L", (width, height), _MIDDLE)
    octaves = [size for size in _OCTAVES if size >= finest]
    for number, size in enumerate(octaves):
        small = (width // size + 2, height // size + 2)
        noise = Image.frombytes("L", small, random.randbytes(small[0] * small[1]))
        layer = noise.resize((small[0] * size, small[1] * size), Image.Resampling.BICUBIC)
        whole = Image.blend(whole, layer.crop((0, 0, width, height)), 1 / (number + 1.5))
    return ImageOps.autocontrast(whole, cutoff=1)


class Sensor:
    """Adds noise of a standard deviation, in steps of luma, to luma and half of it to chroma."""

    def __init__(self, random: Random, width: int, height: int, deviation: float) -> None:
        self._random = random
        self._spare = 256
        size = (width + self._spare, height + self._spare)
        self._luma = _noise(random, size, deviation)
        self._chroma = _noise(random, size, deviation / 2)

    def see(self, planes: tuple[Image.Image, ...]) -> VideoFrame:
        """A frame of three planes, as the sensor gives it."""
        luma, *chroma = planes
        frame = VideoFrame(luma.width, luma.height, "yuv420p")
        seen = [self._add(luma, self._luma), *(self._add(plane, self._chroma) for plane in chroma)]
        for plane, image in zip(frame.planes, seen, strict=True):
            rows = image.crop((0, 0, plane.line_size, image.height)).tobytes()
            plane.update(rows.ljust(plane.buffer_size, b"\0"))
        return frame

    def _add(self, plane: Image.Image, noise: Image.Image) -> Image.Image:
        # Another piece of the same noise, as a mirror image or not: a search for motion finds nothing in it.
        x, y = self._random.randrange(self._spare), self._random.randrange(self._spare)
        piece = noise.crop((x, y, x + plane.width, y + plane.height))
        if self._random.random() < 0.5:
            piece = piece.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return ImageChops.add(plane, piece, 1, -_MIDDLE)


def _noise(random: Random, size: tuple[int, int], deviation: float) -> Image.Image:
    total = Image.new("L", size, _MIDDLE)
    for number in range(_MEAN_OF):
        uniform = Image.frombytes("L", size, random.randbytes(size[0] * size[1]))
        total = Image.blend(total, uniform, 1 / (number + 1))
    scale = deviation * math.sqrt(_MEAN_OF) / _UNIFORM_SD
    return total.point([max(0, min(255, round(_MIDDLE + (value - _MIDDLE) * scale))) for value in range(256)])


def _crowd(width: int, height: int, count: int) -> Iterator[VideoFrame]:
    random = Random("crowd")
    pan = (4 * count, count)  # pixels
    ground = texture(random, width + pan[0], height + pan[1], finest=8).point(_FLAT)
    tint = texture(random, ground.width // 2, ground.height // 2, finest=8)
    things = [_Thing.by(random, width, height) for _ in range(8)]
    sensor = Sensor(random, width, height, 2.5)
    for number in range(count):
        left, top = 4 * number, number
        luma = ground.crop((left, top, left + width, top + height))
        blue = tint.crop((left // 2, top // 2, left // 2 + width // 2, top // 2 + height // 2))
        blue = blue.point([96 + value // 4 for value in range(256)])
        red = ImageOps.invert(blue)
        for thing in things:
            thing.draw(luma, number)
        yield sensor.see((luma, blue, red))


@dataclass(frozen=True, slots=True)
class _Thing:
    """A disc with a texture of its own, on its way."""

    face: Image.Image
    shape: Image.Image
    start: tuple[float, float]
    speed: tuple[float, float]  # pixels a picture

    @classmethod
    def by(cls, random: Random, width: int, height: int) -> _Thing:
        size = random.randrange(height // 8, height // 3)
        shape = Image.new("L", (size, size))
        ImageDraw.Draw(shape).ellipse((0, 0, size - 1, size - 1), fill=255)
        start = (random.uniform(0, width), random.uniform(0, height))
        return cls(
            texture(random, size, size, finest=4).point(_FLAT),
            shape.filter(ImageFilter.GaussianBlur(1)),
            start,
            (random.uniform(-9, 9), random.uniform(-5, 5)),
        )

    def draw(self, luma: Image.Image, number: int) -> None:
        size = self.face.width
        x, y = (
            round(start + speed * number) % (side + size) - size
            for start, speed, side in zip(self.start, self.speed, luma.size, strict=True)
        )
        luma.paste(self.face, (x, y), self.shape)


def _room(width: int, height: int, count: int) -> Iterator[VideoFrame]:
    random = Random("room")
    wall, walls_blue, walls_red = _empty_room(random, width, height)
    sitting = [_Person.by(random, height, x) for x in (0.3 * width, 0.68 * width)]
    sensor = Sensor(random, width, height, 1.5)
    for number in range(count):
        luma, blue, red = wall.copy(), walls_blue.copy(), walls_red.copy()
        for person in sitting:
            person.draw(luma, blue, red, number)
        yield sensor.see((luma, blue, red))


def _empty_room(random: Random, width: int, height: int) -> tuple[Image.Image, Image.Image, Image.Image]:
    """A wall in the light of a window, shelves, a table."""
    plaster = texture(random, width, height, finest=2).point([160 + value // 12 for value in range(256)])
    light = Image.linear_gradient("L").resize((width, height)).point([value // 5 for value in range(256)])
    luma = ImageChops.subtract(plaster, light)
    blue = Image.new("L", (width // 2, height // 2), 122)
    red = Image.new("L", blue.size, 134)
    wood = texture(random, 8, height).resize((width, height)).point([60 + value // 4 for value in range(256)])
    draw = ImageDraw.Draw(luma)
    for shelf in range(3):
        y = height * (1 + shelf) // 6
        for book in range(14):
            x = width * 3 // 4 + book * width // 64
            thick, tall = width // 70, random.randrange(height // 12, height // 9)
            draw.rectangle((x, y - tall, x + thick, y), fill=random.randrange(40, 210))
        draw.rectangle((width * 3 // 4, y, width, y + height // 90), fill=70)
    table = height * 5 // 6
    luma.paste(wood.crop((0, 0, width, height - table)), (0, table))
    ImageDraw.Draw(red).rectangle((0, table // 2, width // 2, height // 2), fill=146)
    return luma.filter(ImageFilter.GaussianBlur(0.6)), blue, red


@dataclass(frozen=True, slots=True)
class _Person:
    """Somebody who sits, sways, nods and speaks."""

    head: Image.Image
    shirt: Image.Image
    x: float
    phase: float
    height: int

    @classmethod
    def by(cls, random: Random, height: int, x: float) -> _Person:
        across = height // 4
        skin = texture(random, across, across * 5 // 4, finest=2)
        cloth = texture(random, across * 2, height // 2)
        return cls(
            skin.point([140 + value // 8 for value in range(256)]),
            cloth.point([50 + value // 3 for value in range(256)]),
            x,
            random.uniform(0, math.tau),
            height,
        )

    def draw(self, luma: Image.Image, blue: Image.Image, red: Image.Image, number: int) -> None:
        moment = number / 30
        sway = self.height / 40 * math.sin(0.9 * moment + self.phase)
        nod = self.height / 90 * math.sin(2.3 * moment + self.phase)
        left, top = round(self.x + sway), round(self.height * 0.22 + nod)
        across, tall = self.head.size
        chest = (left - across // 2, top + tall * 9 // 10)
        luma.paste(self.shirt, chest, _oval(self.shirt.size))
        luma.paste(self.head, (left, top), _oval(self.head.size))
        draw = ImageDraw.Draw(luma)
        mouth = abs(math.sin(9 * moment + self.phase)) * tall / 14
        middle = left + across // 2
        draw.ellipse(
            (middle - across / 7, top + tall * 0.7, middle + across / 7, top + tall * 0.7 + mouth + 2), 60
        )
        if int(moment + self.phase) % 4 or moment % 1 > 0.15:  # eyes that blink
            for side in (-1, 1):
                x = middle + side * across / 5
                draw.ellipse((x - across / 14, top + tall * 0.4, x + across / 14, top + tall * 0.45), 40)
        for plane, colour in ((blue, 112), (red, 150)):
            small = (across // 2, tall // 2)
            plane.paste(
                colour, (left // 2, top // 2, left // 2 + small[0], top // 2 + small[1]), _oval(small)
            )


@cache
def _oval(size: tuple[int, int]) -> Image.Image:
    shape = Image.new("L", size)
    ImageDraw.Draw(shape).ellipse((0, 0, size[0] - 1, size[1] - 1), fill=255)
    return shape.filter(ImageFilter.GaussianBlur(1))


SCENES = (
    Scene("noisy", "a camera that pans over a crowd of textures; strong noise", _crowd),
    Scene("calm", "two people who sit in a room and talk; a fixed camera, little noise", _room),
)
