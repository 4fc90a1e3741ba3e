"""Start a training stage on every node of a SLURM job, a process a GPU: as `launch: deploy/launch_nodes.py`.

The nodes share the project's folder. Runs as `python deploy/launch_nodes.py MODULE ARGUMENTS` inside the job and ends
with the highest exit status of the nodes, so that a stage that was asked to end (75) is known as such.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

PORT = 29500  # of the first node, where the processes meet


def srun_command(job: Mapping[str, str], first_node: str, arguments: Sequence[str]) -> list[str]:
    """The command that starts `torchrun` on each node.

    Args:
        job: the environment of the SLURM job.
        first_node: a name or an address by which all nodes reach the first.
        arguments: the module to run and what it is given.
    """
    nodes, processes = job["SLURM_NNODES"], job.get("SLURM_GPUS_ON_NODE", "1")
    torchrun = [sys.executable, "-m", "pipelines.launch", "--nnodes", nodes, "--nproc-per-node", processes]
    meeting = ["--rdzv-backend", "c10d", "--rdzv-endpoint", f"{first_node}:{job.get('RENDEZVOUS_PORT', PORT)}"]
    return [
        *["srun", "--nodes", nodes, "--ntasks", nodes, "--ntasks-per-node", "1"],
        *[*torchrun, *meeting, "--rdzv-id", job["SLURM_JOB_ID"], "-m", *arguments],
    ]


def first_node_of(job: Mapping[str, str]) -> str:
    """The first host of the job, as `scontrol` spells its list of nodes out."""
    command = ["scontrol", "show", "hostnames", job.get("SLURM_JOB_NODELIST", "")]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[0]


if __name__ == "__main__":
    if len(sys.argv) < 2 or "SLURM_JOB_ID" not in os.environ:
        raise SystemExit("usage, inside a SLURM job: python deploy/launch_nodes.py MODULE ARGUMENTS")
    command = srun_command(os.environ, first_node_of(os.environ), sys.argv[1:])
    os.execvp(command[0], command)
