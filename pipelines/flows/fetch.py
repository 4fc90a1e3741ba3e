"""The task that brings data here: the newest version of what is imported, and what a remote has."""

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from pipelines.flows.dvc_process import DvcProcess
from pipelines.flows.graph import read_sources


@task(cache_policy=NO_CACHE)
def fetch(dvc: DvcProcess) -> None:
    """Update imported data (`dvc update`), then pull what is missing here (`dvc pull`) where a remote is configured.

    What is here already is left as it is, so that data changed by hand stays.

    Raises:
        DvcError: a source or the remote does not answer.
    """
    logger = get_run_logger()
    sources = read_sources()
    if sources.imports:
        dvc.run(["update", *sources.imports], logger.info)
        sources = read_sources()
    if sources.missing and sources.remote is not None:
        dvc.run(["pull", "--allow-missing", *sources.missing], logger.info)
