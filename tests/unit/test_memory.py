import ctypes

import numpy as np
import pytest

from trifid.memory import keep_freed_memory


def test_large_blocks_come_back_after_they_are_freed() -> None:
    """Where the C library has the settings; anywhere else the call does nothing."""
    keep_freed_memory()
    if not hasattr(ctypes.CDLL(None), "mallopt"):
        pytest.skip("needs glibc: elsewhere nothing is set")
    block = np.ones(4_000_000)
    place = block.ctypes.data
    del block
    assert np.ones(4_000_000).ctypes.data == place
