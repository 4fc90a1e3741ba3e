"""A pod of the job, as its environment tells, and how it starts `torchrun`."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.pods.announcements import Announcements, Start

PORT = 29500  # of the first pod, where the processes meet
JOIN_SECONDS = 3600  # that pods wait for one another; a cluster may first have to start machines for them
VARIABLES = ("JOB_COMPLETION_INDEX", "JOB_ID", "PODS", "PROCESSES_PER_POD", "FIRST_POD")


@dataclass(frozen=True)
class Pod:
    """One of the pods of a job.

    Attributes:
        index: 0 is the first pod.
        pods: how many there are.
        processes: of each pod, as `torchrun` takes it: a number, or `gpu` for one a GPU.
        first: name or address, with or without a port, by which all pods reach the first.
        job: what tells this job from all others.
    """

    index: int
    pods: int
    processes: str
    first: str
    job: str

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Pod":
        """Read the environment that `deploy/kubernetes/training` gives a pod.

        Raises:
            ValueError: variables are missing, or an index or a count is no number.
        """
        missing = [name for name in VARIABLES if not environment.get(name)]
        if missing:
            raise ValueError(f"environment: found no {', '.join(missing)}, expected those of a pod of an indexed Job")
        numbers = {}
        for name in ("JOB_COMPLETION_INDEX", "PODS"):
            if not environment[name].isdecimal():
                raise ValueError(f"{name}: found {environment[name]!r}, expected a number")
            numbers[name] = int(environment[name])
        return cls(
            index=numbers["JOB_COMPLETION_INDEX"],
            pods=numbers["PODS"],
            processes=environment["PROCESSES_PER_POD"],
            first=environment["FIRST_POD"],
            job=environment["JOB_ID"],
        )

    def announcements(self) -> Announcements:
        """Where the first pod tells the others, in the working directory."""
        return Announcements(Path("state") / "pods" / self.job)

    def torchrun(self, start: Start) -> list[str]:
        """Give the command that starts this pod's processes of a stage."""
        first = self.first if ":" in self.first else f"{self.first}:{PORT}"
        meeting = ["--rdzv-backend", "c10d", "--rdzv-endpoint", first, "--rdzv-id", start.key]
        meeting += ["--rdzv-conf", f"is_host={self.index == 0},join_timeout={JOIN_SECONDS}"]
        size = ["--nnodes", str(self.pods), "--nproc-per-node", self.processes]
        return [sys.executable, "-m", "pipelines.launch", *size, *meeting, "-m", *start.arguments]
