import os
import signal
import subprocess
import sys
from threading import Thread

import pytest

from components.preemption import EXIT_PREEMPTED, preemption


def _terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def test_sigterm_sets_the_notice_in_place_of_ending_the_process() -> None:
    with preemption() as notice:
        assert not notice.requested
        _terminate()
        assert notice.requested
        _terminate()
        assert notice.requested


def test_the_handler_before_is_put_back_also_after_an_exception() -> None:
    numbers: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: numbers.append(number))
    try:
        with pytest.raises(ValueError, match="diverged"), preemption() as notice:
            raise ValueError("diverged")
        _terminate()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert numbers == [signal.SIGTERM]
    assert not notice.requested


def test_without_a_notice_sigterm_ends_the_process_again() -> None:
    code = (
        "import os, signal\nfrom components.preemption import preemption\n"
        "with preemption():\n    pass\nos.kill(os.getpid(), signal.SIGTERM)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGTERM


def test_in_another_thread_the_notice_never_comes_and_the_handler_stays() -> None:
    before = signal.getsignal(signal.SIGTERM)
    seen: list[bool] = []

    def run() -> None:
        with preemption() as notice:
            seen.append(notice.requested)
            seen.append(signal.getsignal(signal.SIGTERM) is before)

    thread = Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [False, True]


def test_the_exit_status_is_that_of_a_temporary_failure() -> None:
    assert os.EX_TEMPFAIL == EXIT_PREEMPTED
