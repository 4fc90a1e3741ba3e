"""The compose file: its schema, what it names, and that it keeps its secrets and ports to itself."""

import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from tests.deploy.container_files import (
    COMPOSE,
    DEPLOY,
    ROOT,
    TARGETS,
    compose,
    dockerfile_stages,
    services,
    strings,
)

SERVICES = services()
STAGES = dockerfile_stages()
BIN = Path(sys.executable).parent
VARIABLE = re.compile(r"\$\{(\w+)([^}]*)\}")
ONE_SHOT = "buckets"
EXAMPLE = dict(
    line.split("=", 1)
    for line in (DEPLOY / "env.example").read_text().splitlines()
    if line and not line.startswith("#")
)


def check_schema(file: Path) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", file]
    return subprocess.run(command, capture_output=True, text=True)


def command_of(name: str) -> list[str]:
    """What a service runs: its own command, or that of its image."""
    service = SERVICES[name]
    if "command" in service:
        return list(service["command"])
    if "build" not in service:
        return []
    stage = STAGES[service["build"]["target"]]
    return [word for keyword in ("ENTRYPOINT", "CMD") for value in stage.values(keyword) for word in json.loads(value)]


def test_the_compose_file_follows_the_specification() -> None:
    found = check_schema(COMPOSE)
    assert found.returncode == 0, found.stdout


def test_the_specification_refuses_a_word_that_it_does_not_know(tmp_path: Path) -> None:
    changed = yaml.safe_load(COMPOSE.read_text())
    changed["services"]["store"]["depend_on"] = ["postgres"]
    (tmp_path / "compose.yaml").write_text(yaml.safe_dump(changed))
    assert "depend_on" in check_schema(tmp_path / "compose.yaml").stdout


def test_images_are_pinned_or_built_here_from_a_target_that_exists() -> None:
    for name, service in SERVICES.items():
        if "build" not in service:
            assert re.search(r":(\d+\.\d+-|RELEASE\.\d{4}-)", service["image"]), name
            continue
        build = service["build"]
        assert build["target"] in TARGETS
        assert (DEPLOY / build["context"]).resolve() == ROOT
        assert (ROOT / build["dockerfile"]).is_file()
        accelerator = build.get("args", {}).get("ACCELERATOR")
        tag = "local" if accelerator is None else f"local-{accelerator}"
        assert service["image"] == f"semantic-synthesis/{build['target']}:{tag}"
        if accelerator is not None:
            assert f"{build['target']}-packages-{accelerator}" in STAGES


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_may_do_no_more_than_it_must(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"cpus", "memory"} == set(service["deploy"]["resources"]["limits"])
    assert "privileged" not in service
    assert not any("docker.sock" in text for text in strings(service))


def test_all_but_the_store_run_as_another_user_than_root() -> None:
    as_root = {name for name, service in SERVICES.items() if "build" not in service and "user" not in service}
    assert as_root == {"store"}
    assert all(service.get("user") not in ("root", "0", "0:0") for service in SERVICES.values())


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_starts_after_what_it_needs_is_ready(name: str) -> None:
    for needed, how in SERVICES[name].get("depends_on", {}).items():
        expected = "service_completed_successfully" if needed == ONE_SHOT else "service_healthy"
        assert how["condition"] == expected
        assert has_health_check(needed) is (needed != ONE_SHOT)


def has_health_check(name: str) -> bool:
    own = SERVICES[name].get("healthcheck")
    if own is not None:
        return not own.get("disable", False)
    return "build" in SERVICES[name] and bool(STAGES[SERVICES[name]["build"]["target"]].values("HEALTHCHECK"))


def test_every_service_that_stays_tells_its_health() -> None:
    assert {name for name in SERVICES if not has_health_check(name)} == {ONE_SHOT}


@pytest.mark.parametrize(
    "name", [name for name, service in SERVICES.items() if "build" in service and name != ONE_SHOT]
)
def test_the_health_check_asks_where_the_service_listens(name: str) -> None:
    check = STAGES[SERVICES[name]["build"]["target"]].values("HEALTHCHECK")[0]
    asked = re.search(r"http://127\.0\.0\.1:(\d+)/", check)
    assert asked is not None
    words = [part for word in command_of(name) for part in word.split("=")]
    if "--with-healthcheck" in words:
        assert asked[1] == "8080"  # Prefect's own default
    else:
        assert asked[1] == words[words.index("--port") + 1]
        assert words[words.index("--host") + 1] == "0.0.0.0"
        assert SERVICES[name]["ports"] == [f"127.0.0.1:{asked[1]}:{asked[1]}"]


def test_ports_are_open_to_this_machine_alone() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) == 4
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_networks_volumes_and_mounted_files_exist() -> None:
    whole = compose()
    used: set[str] = set()
    for service in SERVICES.values():
        assert set(service["networks"]) <= set(whole["networks"])
        for volume in service.get("volumes", []):
            source = volume["source"] if isinstance(volume, dict) else volume.split(":")[0]
            if source.startswith("."):
                assert (DEPLOY / source).is_file()
            elif not source.startswith("${"):
                used.add(source)
    assert used == set(whole["volumes"])


def test_what_keeps_data_is_out_of_reach_of_the_server_and_of_the_world() -> None:
    assert compose()["networks"]["data"]["internal"] is True
    assert SERVICES["postgres"]["networks"] == SERVICES["store"]["networks"] == ["data"]
    assert SERVICES["server"]["networks"] == ["servers"]


def test_addresses_name_services_of_a_network_that_is_shared() -> None:
    addresses = 0
    for name, service in SERVICES.items():
        for text in service.get("environment", {}).values():
            if "://" not in text:
                continue
            host = urlsplit(VARIABLE.sub("secret", text)).hostname
            if host != "127.0.0.1":  # what a browser of this machine asks
                assert host in SERVICES, (name, text)
                assert set(SERVICES[str(host)]["networks"]) & set(service["networks"]), (name, host)
                addresses += 1
    assert addresses == 12  # 4 of the store, 4 of MLflow, 2 of Prefect, 2 of PostgreSQL


def test_a_missing_secret_stops_the_stack_and_none_has_a_default() -> None:
    variables = VARIABLE.findall(COMPOSE.read_text())
    assert all(rest.startswith(":?") and len(rest) > 10 for _, rest in variables), variables
    assert {name for name, _ in variables} | {"COMPOSE_PROFILES"} == set(EXAMPLE)
    assert [value for name, value in EXAMPLE.items() if name != "COMPOSE_PROFILES" and value] == []
    for service in SERVICES.values():
        for key, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|ACCESS_KEY", key):
                assert VARIABLE.fullmatch(value), key


def test_the_example_starts_profiles_that_exist() -> None:
    profiles = {profile for service in SERVICES.values() for profile in service.get("profiles", [])}
    assert profiles == {"cpu", "cuda", "serve", "serve-cuda"}
    assert set(EXAMPLE["COMPOSE_PROFILES"].split(",")) <= profiles


@pytest.mark.parametrize("name", ["worker", "worker-cuda"])
def test_the_worker_asks_the_pool_that_the_deployments_name(name: str) -> None:
    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    words = command_of(name)
    assert {entry["work_pool"]["name"] for entry in deployments} == {words[words.index("--pool") + 1]}
    assert words[words.index("--type") + 1] == "process"


def test_only_the_cuda_services_ask_for_a_gpu() -> None:
    asking = {name for name, service in SERVICES.items() if "reservations" in service["deploy"]["resources"]}
    assert asking == {"worker-cuda", "server-cuda"}
    for name in asking:
        assert SERVICES[name]["build"]["args"] == {"ACCELERATOR": "cuda"}


@pytest.mark.slow
def test_programs_know_the_options_that_they_get() -> None:
    for words in (command_of("mlflow"), command_of("worker"), command_of("prefect")):
        program = [word for word in words[: 3 if words[0] == "prefect" else 2] if not word.startswith("-")]
        shown = subprocess.run(
            [BIN / program[0], *program[1:], "--help"],
            capture_output=True,
            text=True,
            env={"COLUMNS": "200"},
            check=True,
        ).stdout
        options = [word.split("=")[0] for word in words if word.startswith("--")]
        assert options
        assert [option for option in options if not re.search(rf"{option}\b", shown)] == []


@pytest.mark.slow
def test_prefect_and_mlflow_know_the_settings_that_they_get() -> None:
    import mlflow.cli
    import mlflow.environment_variables
    from prefect.settings import get_current_settings
    from prefect.settings.legacy import _get_valid_setting_names

    options = {option.envvar for option in mlflow.cli.server.params if isinstance(option.envvar, str)}
    known = options | set(vars(mlflow.environment_variables)) | _get_valid_setting_names(type(get_current_settings()))
    named = {key for service in SERVICES.values() for key in service.get("environment", {})}
    named |= {
        pair.split("=")[0] for stage in STAGES.values() for value in stage.values("ENV") for pair in value.split()
    }
    checked = {name for name in named if name.startswith(("PREFECT_", "MLFLOW_"))} - {
        "PREFECT_DATABASE_PASSWORD",
        "MLFLOW_DATABASE_PASSWORD",
    }
    assert len(checked) == 10
    assert sorted(checked - known) == []
