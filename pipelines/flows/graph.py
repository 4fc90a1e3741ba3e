"""DVC's stage graph as the flow needs it: the stages in order, what changed, what is missing and where it is kept."""

from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dvc.repo import Repo


class GraphError(ValueError):
    """The graph has not the stage or out that was asked for."""


@dataclass(frozen=True)
class Stage:
    """A stage of `dvc.yaml`: its outs in the order of that file, and the stages it depends on."""

    outs: tuple[Path, ...]
    upstream: tuple[str, ...]


@dataclass(frozen=True)
class Sources:
    """What a run fetches before it begins.

    Attributes:
        imports: `.dvc` files of data that lives in another project or at an address.
        missing: outs that DVC has a hash of and that are not in the working directory.
        remote: name of the default remote, None where none is configured.
    """

    imports: tuple[str, ...]
    missing: tuple[str, ...]
    remote: str | None


def read_stages() -> dict[str, Stage]:
    """Read `dvc.yaml` of the working directory; a stage comes after those it depends on.

    Raises:
        GraphError: there is no `dvc.yaml`.
    """
    if not Path("dvc.yaml").is_file():
        raise GraphError(f"{Path.cwd() / 'dvc.yaml'}: no such file, expected the stage graph in the working directory")
    with _repo() as repo:
        graph = repo.index.graph  # an edge leads from a stage to one that it depends on
        stages = {
            node.addressing: Stage(
                outs=tuple(Path(out.fs_path) for out in node.outs),
                upstream=tuple(other.addressing for other in graph.successors(node)),
            )
            for node in graph
            if node.path_in_repo == "dvc.yaml"
        }
    order = TopologicalSorter({name: stage.upstream for name, stage in stages.items()}).static_order()
    return {name: stages[name] for name in order if name in stages}


def first_out(stages: dict[str, Stage], stage: str) -> Path:
    """Give the first out of a stage.

    Raises:
        GraphError: there is no such stage, or it has no outs.
    """
    if stage not in stages or not stages[stage].outs:
        raise GraphError(f"dvc.yaml: found stages {list(stages)}, expected a stage {stage} with an out")
    return stages[stage].outs[0]


def changed_stages(stages: dict[str, Stage]) -> set[str]:
    """Give the stages whose inputs or outs are not as DVC left them."""
    with _repo() as repo:
        return set(repo.status(check_updates=False)).intersection(stages)  # no look at where imports come from


def read_sources() -> Sources:
    """Read what DVC would have to fetch; nothing is asked of a remote."""
    with _repo() as repo:
        known = [out for stage in repo.index.stages for out in stage.outs if out.hash_info and not out.exists]
        return Sources(
            imports=tuple(sorted(stage.addressing for stage in repo.index.stages if stage.is_import)),
            missing=tuple(sorted(str(Path(out.fs_path).relative_to(repo.root_dir)) for out in known)),
            remote=repo.config["core"].get("remote"),
        )


def _repo() -> "Repo":
    from dvc.repo import Repo

    return Repo()
