import os

import pytest

from components.data.processes import PICTURES_A_PROCESS, free_processes, map_in_processes


def double_or_die(number: int) -> int:
    if number < 0:
        os._exit(1)  # as the kernel ends a process for lack of memory
    return 2 * number


def test_results_keep_their_order_whatever_the_number_of_processes() -> None:
    expected = [2 * number for number in range(20)]
    for processes in (1, 2, 3):
        assert list(map_in_processes(double_or_die, range(20), processes)) == expected


def test_a_killed_process_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(ChildProcessError, match="one of 2 processes was killed, most often for lack of memory"):
        list(map_in_processes(double_or_die, [1, -1, 2], 2))


def test_few_pictures_are_worth_no_further_process_and_many_one_a_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(4)))
    counts = (0, 1, PICTURES_A_PROCESS, 3 * PICTURES_A_PROCESS, 100 * PICTURES_A_PROCESS)
    assert [free_processes(count) for count in counts] == [1, 1, 1, 3, 4]
