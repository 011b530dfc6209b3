"""libcamera's controls by their names: checked against what the open camera has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgemeet.errors import FormatNotOffered
from edgemeet.media.plan import ControlValue

_UNKNOWN = "device.control_unknown"
_REFUSED = "device.control_refused"


def controls(
    wanted: Mapping[str, ControlValue],
    offered: Mapping[str, tuple[Any, Any, Any]],  # least, most, default: of whatever type the control has
    enums: Any,  # the module libcamera.controls; no types are published
) -> dict[str, ControlValue | tuple[int | float, ...]]:
    """What to hand to picamera2 for `wanted`, names of choices turned into their numbers.

    Args:
        wanted: from the configuration, such as {"AfMode": "Continuous", "ExposureTime": 10000}.
        offered: picamera2's `camera_controls`.
        enums: where libcamera keeps the choices of each control.

    Raises:
        FormatNotOffered: this camera has no such control, or no such value for it; says what it has.
    """
    chosen: dict[str, ControlValue | tuple[int | float, ...]] = {}
    by_lower = {name.lower(): name for name in offered}
    for given, value in wanted.items():
        name = by_lower.get(given.lower())  # environment variables have no case
        if name is None:
            raise FormatNotOffered(
                f'this camera has no control "{given}"',
                code=_UNKNOWN,
                hint=f"camera.controls may have: {', '.join(sorted(offered)) or 'nothing'}",
            )
        if isinstance(value, str):
            chosen[name] = _choice(name, value, enums)
        elif isinstance(value, list):
            chosen[name] = tuple(value)
        else:
            _check_range(name, value, *offered[name][:2])
            chosen[name] = value
    return chosen


def _choice(name: str, value: str, enums: Any) -> int:  # no types are published
    kind = getattr(enums, f"{name}Enum", None) or getattr(enums.draft, f"{name}Enum", None)
    choices = {} if kind is None else dict(kind.__members__)
    by_lower = {choice.lower(): int(number) for choice, number in choices.items()}
    if value.lower() not in by_lower:
        right = f"one of {', '.join(choices)}" if choices else "a number"
        raise FormatNotOffered(
            f'the control "{name}" has no value "{value}"',
            code=_REFUSED,
            hint=f"camera.controls.{name} must be {right}",
        )
    return by_lower[value.lower()]


def _check_range(name: str, value: float, least: object, most: object) -> None:
    if not (isinstance(least, int | float) and isinstance(most, int | float) and least < most):
        return  # libcamera does not say, or has another type
    if not least <= value <= most:
        raise FormatNotOffered(
            f'the control "{name}" does not take {value:g}',
            code=_REFUSED,
            hint=f"camera.controls.{name} must be from {least:g} to {most:g}",
        )
