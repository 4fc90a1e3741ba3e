"""One process that runs DVC's commands one after the other, since each `dvc` takes over a second to start.

Standard input brings a command a line, as a JSON list of arguments; a line of the token and the exit status follows
what a command wrote. Where the input ends in the middle of a command, the flow was cancelled or killed: a
stage is told by SIGTERM to save its state, a transfer is broken off, and this process ends after it.
"""

import json
import os
import signal
import sys
import time
from queue import SimpleQueue
from threading import Event, Thread
from typing import TextIO

PATIENCE_SECONDS = 900.0  # for a stage to save its state after SIGTERM, before it is killed


def main(token: str) -> None:
    """Run commands until there are no more."""
    requests = os.fdopen(os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # a stage that reads its input must not read the commands
    signal.signal(signal.SIGTERM, _outlive)
    commands: SimpleQueue[str | None] = SimpleQueue()
    ended = Event()
    Thread(target=_receive, args=(requests, commands, ended), daemon=True).start()
    from dvc.cli import main as dvc

    while (line := commands.get()) is not None and not ended.is_set():
        arguments = json.loads(line)
        # not SIG_IGN, which the stage would inherit
        signal.signal(signal.SIGTERM, _outlive if "repro" in arguments else signal.default_int_handler)
        status = dvc(arguments)
        signal.signal(signal.SIGTERM, _outlive)
        sys.stderr.flush()
        sys.stdout.write(f"\n{token} {status}\n")  # what came before may lack its end of line
        sys.stdout.flush()


def _outlive(number: int, frame: object) -> None:
    """DVC has to end after the stage, and to keep what a stage that was through has made."""


def _receive(requests: TextIO, commands: "SimpleQueue[str | None]", ended: Event) -> None:
    for line in requests:
        commands.put(line)
    ended.set()
    commands.put(None)
    os.killpg(0, signal.SIGTERM)
    time.sleep(PATIENCE_SECONDS)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1])
