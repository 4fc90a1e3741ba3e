"""Let a process keep the memory of its arrays for the next ones."""

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
_LARGEST_ARRAY = 64 << 20  # bytes; larger ones come from the system as ever
_KEPT = 256 << 20  # free bytes at the end of the heap


def keep_freed_memory() -> None:
    """Do not give the memory of a picture back to the system after each picture.

    Otherwise the system clears every page again for the next one, which takes a quarter as long as decoding. The peak
    stays what it was. Where the C library is not glibc, nothing changes.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGEST_ARRAY)
        mallopt(_M_TRIM_THRESHOLD, _KEPT)
