"""What a participant can ask for, by method name."""

from __future__ import annotations

from edgemeet.sandbox.methods.context import Handler
from edgemeet.sandbox.methods.control import CONTROL, SLOW
from edgemeet.sandbox.methods.entry import ENTRY
from edgemeet.sandbox.methods.media import MEDIA
from edgemeet.sandbox.methods.messages import MESSAGES

METHODS: dict[str, Handler] = {**ENTRY, **MEDIA, **CONTROL, **MESSAGES}

__all__ = ["METHODS", "SLOW", "Handler"]
