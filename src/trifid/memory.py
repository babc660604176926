"""How this process takes memory from the system."""

import ctypes
import os

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD of malloc.h


def keep_freed_memory() -> None:
    """Lets this process keep large blocks that it frees, rather than ask the system again.

    A step of training on a CPU frees and takes the same blocks of megabytes over and over, and so
    does the simulation of plates; getting each from the system, page by page, costs about a tenth
    of the time of training (`benchmarks/training.py`).
    Only glibc has these settings; elsewhere nothing happens.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, 1 << 28)
        mallopt(_TRIM_THRESHOLD, 1 << 30)
