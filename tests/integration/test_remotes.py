"""Remote storage, cache links and imported datasets under DVC, with the graph's first two stages on tiny pictures."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from PIL import Image

from components.data.street_scenes import StreetScenesConfig, write_street_scenes

REPOSITORY = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
STAGES = ["prepare", "preprocess"]
SCENES = {"train": 3, "val": 2, "height": 32, "width": 48, "seed": 0}
SHARDS, SHARD = "build/shards/train", "shard-00000.safetensors"
APPEND = """
from pathlib import Path
log = Path("state/log/lines")
log.parent.mkdir(parents=True, exist_ok=True)
with log.open("a") as file:
    file.write("run\\n")
"""

pytestmark = pytest.mark.slow


def run(folder: Path, *command: str) -> str:
    """Run `dvc`, `git` or `python` in a folder, with loopback's S3 credentials and no settings of this machine."""
    environment = os.environ | {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",  # pragma: allowlist secret
        "AWS_DEFAULT_REGION": "us-east-1",
        "NO_PROXY": "127.0.0.1",
        "PYTHONDONTWRITEBYTECODE": "",  # its caches beside the sources may change no hash
        **{f"GIT_{role}_{field}": "test" for role in ("AUTHOR", "COMMITTER") for field in ("NAME", "EMAIL")},
    }
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def repro(folder: Path, *arguments: str) -> list[str]:
    """Give the stages that `dvc repro` ran."""
    output = run(folder, "dvc", "repro", *arguments)
    return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]


def commit(folder: Path) -> None:
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "--quiet", "--message", "A state to come back to")


def change_params(project: Path, **sections: dict[str, Any]) -> None:
    params = yaml.safe_load((project / "params.yaml").read_text())
    for name, fields in sections.items():
        params[name] |= fields
    (project / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def cached(cache: Path, content: bytes) -> Path:
    """Give the file of DVC's cache, or of a remote, that holds this content."""
    checksum = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return cache / "files/md5" / checksum[:2] / checksum[2:]


def assert_each_file_has_the_content_that_its_name_says(cache: Path) -> None:
    files = [path for path in (cache / "files/md5").rglob("*") if path.is_file()]
    assert files
    for path in files:
        assert cached(cache, path.read_bytes()).name == path.name.removesuffix(".dir")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository with the first two stages of its graph, which have run, in git."""
    folder = tmp_path_factory.mktemp("original")
    for name in (".dvcignore", ".gitignore", "params.yaml", ".dvc/config", ".dvc/.gitignore", "data/README.md"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(REPOSITORY / name, folder / name)
    for name in ("components", "pipelines", "recipes"):
        shutil.copytree(REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    graph = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())
    stages = {name: graph["stages"][name] for name in STAGES}
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"vars": graph["vars"], "stages": stages}, sort_keys=False))
    change_params(folder, prepare={"street_scenes": SCENES}, preprocess={"height": 32, "width": 48, "shard_size": 2})
    run(folder, "git", "init", "--quiet")
    assert repro(folder) == STAGES
    commit(folder)
    return folder


@pytest.fixture
def project(original: Path, tmp_path: Path) -> Path:
    """A copy of the project, to be changed."""
    run(tmp_path, "cp", "--archive", str(original), "project")  # hard links among its files stay hard links
    return tmp_path / "project"


@pytest.fixture
def s3_endpoint() -> Iterator[str]:
    """An S3 server on loopback with a bucket `shards`."""
    import boto3  # type: ignore[import-untyped]
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    endpoint = "http://{}:{}".format(*server.get_host_and_port())
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",  # pragma: allowlist secret
    )
    client.create_bucket(Bucket="shards")
    yield endpoint
    server.stop()


def assert_a_clone_pulls_everything_and_runs_nothing(project: Path) -> Path:
    commit(project)
    run(project, "dvc", "push")
    clone = project.parent / "clone"
    run(project.parent, "git", "clone", "--quiet", str(project), str(clone))
    assert not (clone / "build").exists()
    run(clone, "dvc", "pull")
    assert contents(clone / "build") == contents(project / "build")
    assert repro(clone) == []
    return clone


def test_a_clone_gets_everything_from_an_s3_bucket_and_runs_nothing(project: Path, s3_endpoint: str) -> None:
    run(project, "dvc", "remote", "add", "--default", "storage", "s3://shards/semantic-synthesis")
    run(project, "dvc", "remote", "modify", "storage", "endpointurl", s3_endpoint)
    assert_a_clone_pulls_everything_and_runs_nothing(project)


def test_a_clone_gets_everything_from_a_folder_and_runs_nothing(project: Path, tmp_path: Path) -> None:
    run(project, "dvc", "remote", "add", "--default", "storage", str(tmp_path / "storage"))
    assert_a_clone_pulls_everything_and_runs_nothing(project)
    assert_each_file_has_the_content_that_its_name_says(tmp_path / "storage")
    assert cached(tmp_path / "storage", (project / SHARDS / SHARD).read_bytes()).is_file()


@pytest.fixture(params=["beside the project", "on another disk"])
def linked(request: pytest.FixtureRequest, project: Path) -> Iterator[Path]:
    """A project with the committed cache settings, and its cache's place, to which the second kind has moved it."""
    beside = project / ".dvc/cache"
    if request.param == "beside the project":
        yield beside
        return
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == project.stat().st_dev:
        pytest.skip("no file system apart from that of the temporary folder")
    with TemporaryDirectory(dir=memory) as folder:
        cache = Path(folder) / "cache"
        shutil.move(beside, cache)
        run(project, "dvc", "cache", "dir", "--local", str(cache))
        run(project, "dvc", "checkout", "--relink")
        yield cache


def assert_shards_are_stored_once(project: Path, cache: Path) -> None:
    shards = list((project / SHARDS).iterdir())
    assert shards
    for shard in shards:
        in_cache = cached(cache, shard.read_bytes())
        assert shard.samefile(in_cache)
        assert shard.is_symlink() == (in_cache.stat().st_dev != project.stat().st_dev)
        assert not shard.stat().st_mode & 0o222, (
            "found a file that may be written, through which the cache would change"
        )


def test_a_stage_run_again_replaces_its_links_and_leaves_the_cache_as_it_was(project: Path, linked: Path) -> None:
    assert_shards_are_stored_once(project, linked)
    before = contents(project / SHARDS)
    change_params(project, preprocess={"width": 56})
    assert repro(project) == ["preprocess"]
    assert_shards_are_stored_once(project, linked)
    assert contents(project / SHARDS)[SHARD] != before[SHARD]
    assert_each_file_has_the_content_that_its_name_says(linked)
    run(project, "git", "checkout", "--quiet", "params.yaml", "dvc.lock")
    run(project, "dvc", "checkout")
    assert contents(project / SHARDS) == before
    assert repro(project) == []


def test_state_that_a_stage_appends_to_is_no_longer_a_link_when_the_stage_runs(project: Path, linked: Path) -> None:
    (project / "append.py").write_text(APPEND)
    graph = {"stages": {"log": {"cmd": "python append.py", "outs": [{"state/log": {"persist": True}}]}}}
    (project / "dvc.yaml").write_text(yaml.safe_dump(graph))
    log = project / "state/log/lines"
    assert repro(project, "log") == ["log"]
    assert log.samefile(cached(linked, b"run\n"))
    assert repro(project, "--force", "log") == ["log"]
    assert log.samefile(cached(linked, b"run\nrun\n"))
    assert_each_file_has_the_content_that_its_name_says(linked)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Another repository, whose DVC tracks a dataset `streets`."""
    folder = tmp_path / "source"
    write_street_scenes(folder / "streets", StreetScenesConfig(**SCENES))
    run(folder, "git", "init", "--quiet")
    run(folder, "dvc", "init", "--quiet")
    run(folder, "dvc", "add", "--quiet", "streets")
    commit(folder)
    return folder


def test_a_dataset_that_changes_where_it_lives_is_trained_on_after_an_update(project: Path, source: Path) -> None:
    run(project, "dvc", "import", str(source), "streets", "--out", "data/streets")
    change_params(project, prepare={"reader": "labelled_folders", "root": "data/streets"})
    assert repro(project) == STAGES
    before = contents(project / SHARDS)

    run(source, "dvc", "unprotect", "streets")
    Image.new("RGB", (48, 32), (200, 30, 30)).save(source / "streets/train_img/train_0000.png")
    run(source, "dvc", "add", "--quiet", "streets")
    commit(source)
    assert "update available" in run(project, "dvc", "status")
    assert repro(project) == [], "trained on another version than that of data/streets.dvc"

    run(project, "dvc", "update", "data/streets.dvc")
    assert "prepare" in json.loads(run(project, "dvc", "status", "--json"))
    assert repro(project) == STAGES
    assert contents(project / SHARDS)[SHARD] != before[SHARD]
    assert repro(project) == []


def test_a_clone_gets_an_imported_dataset_from_where_it_lives(project: Path, source: Path, tmp_path: Path) -> None:
    run(project, "dvc", "remote", "add", "--default", "storage", str(tmp_path / "storage"))
    run(project, "dvc", "import", str(source), "streets", "--out", "data/streets")
    change_params(project, prepare={"reader": "labelled_folders", "root": "data/streets"})
    assert repro(project) == STAGES
    clone = assert_a_clone_pulls_everything_and_runs_nothing(project)
    assert contents(clone / "data/streets") == contents(source / "streets")
    assert not cached(tmp_path / "storage", (source / "streets/train_img/train_0000.png").read_bytes()).exists()
