"""How long to wait before a capture process is started again."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from edgemeet.media.plan import Respawn


def delays(policy: Respawn, random: Random) -> Iterator[float]:
    """Seconds: 0 first, then from half to all of base, 2 x base, 4 x base ... up to the ceiling."""
    yield 0.0
    ceiling = policy.base
    while True:
        yield ceiling * random.uniform(0.5, 1.0)
        ceiling = min(policy.ceiling, 2 * ceiling)
