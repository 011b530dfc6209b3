"""Lines of text for raw pictures: letters rendered once with Pillow, then copied row by row.

PyAV's wheels carry no drawtext filter. A line is kept as luma rows; putting it into a picture is one
slice copy per row, and only letters that changed are drawn into the line again.
"""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from edgemeet.media.counter import BLACK, WHITE


@dataclass(frozen=True, slots=True)
class Glyphs:
    """A text rendered once: `rows` of `width` luma bytes each."""

    width: int
    rows: tuple[bytes, ...]


class Typeface:
    """Pillow's own font at one size; every text is `height` rows high."""

    def __init__(self, size: int) -> None:
        self._font = ImageFont.load_default(size)
        left, top, right, bottom = self._font.getbbox("Áy0")
        self._drop = int(top)
        self.height = 2 * ((int(bottom) - int(top) + 3) // 2)
        digits = {text: self._font.getbbox(text)[2] for text in "0123456789"}
        self.digit_width = int(max(digits.values())) + 1
        del left, right

    def render(self, text: str, width: int | None = None) -> Glyphs:
        """`text` in white on black, in a cell `width` pixels wide or as wide as it needs."""
        width = width or int(self._font.getbbox(text)[2]) + 1
        image = Image.new("L", (width, self.height), 0)
        ImageDraw.Draw(image).text((0, 1 - self._drop), text, fill=255, font=self._font)
        luma = image.point([BLACK + value * (WHITE - BLACK) // 255 for value in range(256)]).tobytes()
        rows = tuple(luma[start : start + width] for start in range(0, len(luma), width))
        return Glyphs(width, rows)


class Line:
    """A strip of luma, `width` x `height` pixels, black where nothing was put."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self._luma = bytearray([BLACK]) * (width * height)
        view = memoryview(self._luma)
        self.rows = tuple(view[start : start + width] for start in range(0, width * height, width))

    def put(self, x: int, glyphs: Glyphs) -> None:
        """Draw `glyphs` with its left edge at `x`; what does not fit is cut off."""
        end = min(self.width, x + glyphs.width)
        if end <= x:
            return
        for row, glyph_row in zip(self.rows, glyphs.rows, strict=True):
            row[x:end] = glyph_row[: end - x]


class Digits:
    """A field of characters `0-9:` in a line; only those that changed are drawn."""

    def __init__(self, line: Line, x: int, typeface: Typeface, count: int) -> None:
        self._line = line
        self._width = typeface.digit_width
        self._glyphs = {text: typeface.render(text, self._width) for text in "0123456789:"}
        self._shown = [""] * count
        self._x = x

    def show(self, text: str) -> None:
        """Show `text`, which has as many characters as the field."""
        for place, character in enumerate(text):
            if self._shown[place] != character:
                self._shown[place] = character
                self._line.put(self._x + place * self._width, self._glyphs[character])
