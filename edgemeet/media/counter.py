"""A frame counter that machines can read from a picture, drawn by the test camera.

A row of square blocks stands in the top left corner, white (luma 235) or black (luma 16). A block is an
80th of the picture's width: 16 pixels at 1280. The first is white, the second black (a reader checks them
and knows that the row is there), then 24 blocks follow, the counter's bits, highest first. Block k spans
x from k * width / 80 to (k + 1) * width / 80 and y from 0 to width / 80, in any scaled copy of the
picture too: read the pixel at ((k + 0.5) * width / 80, 0.5 * width / 80), above or below half of white.
The counter goes up by one for every picture captured and starts again at 0 after 2**24 - 1.
"""

from __future__ import annotations

from collections.abc import Callable

BLOCKS_PER_WIDTH = 80
SYNC = (True, False)  # white, black
BITS = 24
BLOCKS = len(SYNC) + BITS
MODULUS = 1 << BITS
WHITE = 235
BLACK = 16
THRESHOLD = 126


def bits(count: int) -> tuple[bool, ...]:
    """The blocks of `count`, left to right; True is white."""
    return (*SYNC, *(bool(count >> bit & 1) for bit in reversed(range(BITS))))


def edges(width: int) -> tuple[int, ...]:
    """The x at which each block begins, and at the end the x at which the last one ends."""
    return tuple(block * width // BLOCKS_PER_WIDTH for block in range(BLOCKS + 1))


def block_height(width: int) -> int:
    """Height of the row in pixels."""
    return width // BLOCKS_PER_WIDTH


def read(luma_at: Callable[[int, int], int], width: int) -> int | None:
    """The counter of a picture `width` pixels wide, or None where no row of blocks is.

    `luma_at` gives the luma (16 to 235) of the pixel at x, y.
    """
    y = width // (2 * BLOCKS_PER_WIDTH)
    seen = [
        luma_at((2 * block + 1) * width // (2 * BLOCKS_PER_WIDTH), y) > THRESHOLD for block in range(BLOCKS)
    ]
    if tuple(seen[: len(SYNC)]) != SYNC:
        return None
    return sum(bit << place for place, bit in enumerate(reversed(seen[len(SYNC) :])))
