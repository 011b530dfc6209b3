"""How modules are loaded, so that a start is short."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def without_unused() -> None:
    """Have libraries leave out what is never used here. Before they are imported."""
    # httpx looks for its own command line, which takes longer to load than httpx. None: there is none.
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # documented, and not in typeshed
    # pydantic looks through all that is installed for plugins, to change how models are made. There are none.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


@contextmanager
def kept_for_good() -> Iterator[None]:
    """What the block makes is not looked through for garbage: not now, which makes a start longer, nor ever.

    The collector would find nothing in modules, classes and settings, and hold up the event loop each time.
    """
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()
