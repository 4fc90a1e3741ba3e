"""What a task may be tried again for: a server or room on the disk that may be back, never bad input."""

from typing import Any

from prefect.client.schemas.objects import State, TaskRun

from pipelines.flows.dvc_process import StageUnavailable
from pipelines.registry import LockLost, RegistryBusy


def is_out_of_reach(task: Any, run: TaskRun, state: State[Any]) -> bool:
    """Whether a stage lacked a server or room, was killed, or took too long."""
    return isinstance(state.data, StageUnavailable | TimeoutError)


def is_no_bad_value(task: Any, run: TaskRun, state: State[Any]) -> bool:
    """Whether something else than what the task was given is wrong; `ValueError` is this project's bad input."""
    return isinstance(state.data, RegistryBusy | LockLost) or not isinstance(state.data, ValueError)
