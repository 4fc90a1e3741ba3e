"""A project of three small DVC stages, whose bundle, failures and interruptions are files that a test writes."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.tiny_bundle import write_tiny_bundle

ROOT = Path(__file__).parents[1]
NAME = "street"
DVC_YAML = """
stages:
  export:
    cmd: python export.py
    deps: [export.py, bundle_source, build/shards, build/segmenter]
    outs: [build/bundle]
  preprocess:
    cmd: mkdir -p build/shards/val && echo shards > build/shards/val/shard
    outs: [build/shards]
  train_segmenter:
    cmd: mkdir -p build/segmenter && echo weights > build/segmenter/weights
    deps: [build/shards]
    outs: [build/segmenter]
"""
EXPORT = """
import pathlib, shutil, sys
with pathlib.Path("attempts").open("a") as stream:
    stream.write("attempt\\n")
if pathlib.Path("bundle_source/broken").exists():
    sys.exit("the label map has no class 7")
exits = pathlib.Path("exits")  # a status a line; as long as there is one, the stage ends with it
if exits.exists() and (lines := exits.read_text().split()):
    exits.write_text("\\n".join(lines[1:]))
    sys.exit(int(lines[0]))
shutil.copytree("bundle_source", "build/bundle")
"""
WAITING_EXPORT = """
import pathlib, signal, sys, time
def save(number, frame):
    time.sleep(0.5)
    pathlib.Path("saved").touch()
    sys.exit(75)
signal.signal(signal.SIGTERM, save)
print("ready", flush=True)
time.sleep(120)
"""


def write_project(folder: Path, mean_iou: float = 0.5) -> None:
    """Write the project into a folder, with the default parameters, as a git and DVC repository without a commit."""
    (folder / "dvc.yaml").write_text(DVC_YAML)
    (folder / "export.py").write_text(EXPORT)
    (folder / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    (folder / ".gitignore").write_text("/mlflow.db*\n/mlruns\n/attempts\n")
    write_tiny_bundle(folder / "bundle_source", mean_iou=mean_iou)
    for command in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q"]):
        subprocess.run(command, check=True, cwd=folder)


def set_retrain(folder: Path, **values: object) -> None:
    """Set fields of the section `retrain` of a project's parameters."""
    path = folder / "params.yaml"
    params = yaml.safe_load(path.read_text())
    params["retrain"] |= values
    path.write_text(yaml.safe_dump(params, sort_keys=False))


def commit_all(folder: Path) -> None:
    """Commit all files of a project."""
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    for arguments in (["add", "."], [*identity, "commit", "-q", "-m", "all"]):
        subprocess.run(["git", *arguments], check=True, cwd=folder)


def attempts(folder: Path) -> int:
    """Give how often the stage `export` was run."""
    path = folder / "attempts"
    return len(path.read_text().split()) if path.exists() else 0


def run(**options: Any) -> Any:
    """Run the flow without delays, and give its final state."""
    from pipelines.flows.retrain import retrain

    return retrain(NAME, retry_seconds=0, return_state=True, **options)
