import platform
import resource

import numpy as np
import pytest

from components.data.heap import keep_freed_memory

ARRAY = 8 << 20  # bytes


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_arrays_one_after_the_other_share_their_pages() -> None:
    keep_freed_memory()
    np.ones(ARRAY, np.uint8)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        np.ones(ARRAY, np.uint8)
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    assert faults < ARRAY // resource.getpagesize()  # less than one array's worth of pages, where ten were filled
