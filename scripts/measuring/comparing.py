"""Ratios of now beside those that were recorded (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from measuring.record import Figure

WORSE: Final = 2.0  # times what was recorded: busy machines and other processors stay well below it
_MOVED: Final = 1.3  # times, either way, that are worth a word


@dataclass(frozen=True, slots=True)
class Compared:
    """One ratio; `recorded` is None for one that is new."""

    name: str
    recorded: float | None
    now: float

    @property
    def too_much(self) -> bool:
        """Whether it has become so much worse that it cannot be chance."""
        return self.recorded is not None and self.now > WORSE * self.recorded

    def line(self) -> str:
        """For a person."""
        if self.recorded is None:
            return f"{self.name}: {self.now:.2f}, not recorded yet"
        return f"{self.name}: {self.now:.2f}, recorded {self.recorded:.2f}{self._word()}"

    def _word(self) -> str:
        assert self.recorded is not None
        if self.too_much:
            return f" - MORE THAN {WORSE:g} TIMES AS MUCH"
        if self.now > _MOVED * self.recorded:
            return " - more"
        if self.now * _MOVED < self.recorded:
            return " - less: worth recording (./scripts/bench check --record)"
        return ""


def lower(first: Sequence[Figure], second: Iterable[Figure]) -> list[Figure]:
    """Of two measurements of the same ratios the lower value of each."""
    others = {figure.name: figure.value for figure in second}
    return [each.model_copy(update={"value": min(each.value, others[each.name])}) for each in first]


def compare(recorded: Iterable[Figure], now: Sequence[Figure]) -> list[Compared]:
    """Each ratio of now, in its order, with the one of the same name."""
    before = {figure.name: figure.value for figure in recorded}
    return [Compared(figure.name, before.get(figure.name), figure.value) for figure in now]
