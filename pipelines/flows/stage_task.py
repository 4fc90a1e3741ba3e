"""The task of a DVC stage."""

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from pipelines.flows.dvc_process import DvcProcess, StageInterrupted
from pipelines.flows.retries import is_out_of_reach

INTERRUPTIONS = 20


@task(cache_policy=NO_CACHE, retry_condition_fn=is_out_of_reach)
def run_stage(dvc: DvcProcess, stage: str, force: bool) -> None:
    """Bring one stage up to date; one that was interrupted is run again, which is not one of the retries.

    Raises:
        DvcError: the stage failed, or was interrupted more than 20 times.
    """
    logger = get_run_logger()
    for number in range(INTERRUPTIONS + 1):
        try:
            dvc.run(["repro", "--single-item", *(["--force"] if force else []), stage], logger.info)
        except StageInterrupted:
            if number == INTERRUPTIONS:
                raise
            logger.warning(
                "stage %s was interrupted (%d of at most %d times): running it again", stage, number + 1, INTERRUPTIONS
            )
        else:
            return
