"""How this process keeps the memory of its pictures."""

from __future__ import annotations

import ctypes

# malloc.h of glibc. By itself it gives memory of a picture back to the kernel and asks for it anew for the
# next one, which the kernel then clears: page by page, 30 times a second.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_LARGEST = 32 << 20  # bytes, the most that glibc takes; a picture of 4K has 12 MB
_KEPT = 64 << 20  # bytes at the end of the heap; what was never used is not kept


def keep_freed_pictures() -> None:
    """From now on memory of freed pictures is used for the next ones. Does nothing without glibc."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGEST)
        mallopt(_M_TRIM_THRESHOLD, _KEPT)
