"""The programs of this project that have a command line, and the command of each."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import typer

PROGRAMS = {
    "daily": (
        "pipelines.compose",
        "pipelines.cost",
        "pipelines.registry",
        "pipelines.flows.retrain",
        "pipelines.flows.announce",
        "pipelines.outbox",
        "pipelines.import_official",
        "deploy.synthesize",
        "deploy.server",
        "deploy.study",
        "experiments.run",
        "experiments.report",
    ),
    "stages": (
        "pipelines.stages.prepare",
        "pipelines.stages.preprocess",
        "pipelines.stages.train_segmenter",
        "pipelines.stages.train",
        "pipelines.stages.cluster",
        "pipelines.stages.synthesize",
        "pipelines.stages.evaluate",
        "pipelines.stages.export",
    ),
    "benchmarks": (
        "benchmarks.parity",
        "benchmarks.training_step",
        "benchmarks.discriminator_pass",
        "benchmarks.preprocess",
        "benchmarks.loader",
        "benchmarks.inference",
        "benchmarks.flow",
        "benchmarks.editor",
        "benchmarks.instance_pool",
        "benchmarks.server",
    ),
}
ELSEWHERE = {"pipelines.flows.retrain": "pipelines.flows.command"}  # an entry point that only wires


def command_of(module_name: str) -> Any:
    """Give the command of Typer that `python -m MODULE` runs.

    Raises:
        ModuleNotFoundError: for a module that does not exist.
        ValueError: for one that has no command.
    """
    name = ELSEWHERE.get(module_name, module_name)
    module = import_module(name)
    if hasattr(module, "__path__"):
        module = import_module(f"{name}.__main__")
    app = getattr(module, "app", None)
    if not isinstance(app, typer.Typer):
        if not hasattr(module, "main"):
            raise ValueError(f"{module_name}: expected a module with `app` or `main`")
        app = typer.Typer(add_completion=False)
        app.command()(module.main)
    return typer.main.get_command(app)


def exists(module_name: str) -> bool:
    """Tell whether a module of the project is there."""
    try:
        return find_spec(module_name) is not None
    except ModuleNotFoundError:
        return False
