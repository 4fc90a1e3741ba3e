"""The task that shares what was made."""

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from pipelines.flows.dvc_process import DvcProcess
from pipelines.flows.graph import read_sources


@task(cache_policy=NO_CACHE)
def publish(dvc: DvcProcess) -> None:
    """Push the stages' outs to the default remote, where one is configured (`dvc push`).

    Raises:
        DvcError: the remote does not answer or refuses.
    """
    remote = read_sources().remote
    if remote is None:
        get_run_logger().info("no default DVC remote: nothing to push to")
    else:
        dvc.run(["push"], get_run_logger().info)
