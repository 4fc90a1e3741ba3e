"""How the tasks of a retraining are run: how often, how long, after one another, and what is said of a failure."""

from dataclasses import dataclass, field
from typing import Any

from prefect import Task
from prefect.client.schemas.objects import State
from prefect.tasks import exponential_backoff

from pipelines.flows.outcome import StepFailed


@dataclass(frozen=True)
class Patience:
    """How long a run tries.

    Attributes:
        retries: of a task, beside its first try.
        delay_seconds: before the first of them; each further delay is twice the one before.
        stage_minutes: after which a stage is ended and tried again, None for no limit.
    """

    retries: int
    delay_seconds: float
    stage_minutes: float | None


@dataclass
class Steps:
    """Runs tasks with the same patience; in Prefect's graph each follows the one before, a stage its upstream ones."""

    patience: Patience
    _states: dict[str, State[Any]] = field(default_factory=dict)

    @property
    def last(self) -> tuple[str, ...]:
        """The step that was run last, none before the first."""
        return tuple(self._states)[-1:]

    def run(
        self,
        name: str,
        task: Task[..., Any],
        *arguments: Any,
        after: tuple[str, ...] | None = None,
        timeout_seconds: float | None = None,
    ) -> Any:
        """Run a task under a name.

        Args:
            name: of the task in Prefect's graph and of the step where it fails.
            task: what to run, with its arguments.
            arguments: of the task.
            after: names of the steps that it follows; the last one where this is None.
            timeout_seconds: for a try, None for no limit.

        Raises:
            StepFailed: it failed at each try.
        """
        configured = task.with_options(
            name=name,
            task_run_name=name,
            retries=self.patience.retries,
            retry_delay_seconds=exponential_backoff(self.patience.delay_seconds),
            timeout_seconds=timeout_seconds,
        )
        before = [self._states[step] for step in (self.last if after is None else after)]
        state = configured(*arguments, return_state=True, wait_for=before)
        try:
            result = state.result()
        except Exception as error:
            raise StepFailed(name, error) from error
        self._states[name] = state
        return result
