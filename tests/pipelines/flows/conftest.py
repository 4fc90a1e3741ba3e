from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.retraining_project import write_project


@pytest.fixture(scope="package")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Prefect's embedded server, which takes seconds to start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_HOME", str(tmp_path_factory.mktemp("prefect")))
        import pipelines.flows  # noqa: F401, I001  (its settings must be there before Prefect is)
        from prefect.testing.utilities import prefect_test_harness

        with prefect_test_harness(server_startup_timeout=240):
            yield


@pytest.fixture
def project(project_folder: Path) -> Path:
    """A project of three small stages, the working directory."""
    write_project(project_folder)
    return project_folder


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int | None]]:
    """Stand in for the judge: the mean IoU that a version says decides; the versions that were judged."""
    from pipelines import registry
    from pipelines.flows import challenge
    from pipelines.flows.verdict import Verdict

    calls: list[tuple[int, int | None]] = []

    def judge(version: int, name: str, **others: object) -> Verdict:
        champion = registry.aliases(name).get(registry.CHAMPION)
        calls.append((version, champion))
        if champion is None:
            return Verdict(version, None, promote=True, reason="there is no champion")
        if champion == version:
            return Verdict(version, champion, promote=False, reason="it is the champion")
        scores = {int(each.version): registry.score(each) or 0.0 for each in registry.versions(name)}
        better = scores[version] > scores[champion]
        reason = f"its mean IoU {scores[version]} is {'' if better else 'not '}above {scores[champion]}"
        return Verdict(version, champion, better, reason, scores={"mean_iou": scores[version]})

    monkeypatch.setattr(challenge, "judge", judge)
    return calls
