"""The Kubernetes files and the work pools: their schemas, and that all they name exists."""

import json
import re
import shutil
import subprocess
import tomllib
import warnings
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from components.preemption import EXIT_PREEMPTED
from deploy.pods.pod import PORT, VARIABLES
from tests.deploy.container_files import (
    DEPLOY,
    ROOT,
    TARGETS,
    can_be_run,
    dockerfile_stages,
    modules_run,
    pod_of,
    services,
)
from tests.deploy.kustomize import build

KUBERNETES = DEPLOY / "kubernetes"
FOLDERS = ("project", "deployments", "server/base", "server/cuda", "training/base", "training/cuda", "training/nodes")
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
POOLS = {"docker": DEPLOY / "docker" / "work_pool.json", "kubernetes": KUBERNETES / "work_pool.json"}
NOT_OF_A_POD = ("parallelism", "completions")  # Prefect's worker insists on them there; Kubernetes overlooks them


def validate(resource: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the newest schema is taken
        kubernetes_validate.validate(resource, "1.37", strict=True)


def find(folder: str, kind: str) -> dict[str, Any]:
    """The one resource of a kind in a folder."""
    (resource,) = [item for item in build(KUBERNETES / folder) if item["kind"] == kind]
    return resource


def pods(folder: str) -> list[dict[str, Any]]:
    return [pod for item in build(KUBERNETES / folder) if (pod := pod_of(item)) is not None]


@pytest.mark.parametrize("folder", FOLDERS)
def test_resources_follow_the_schema_of_kubernetes(folder: str) -> None:
    resources = build(KUBERNETES / folder)
    assert len(resources) >= 2
    for resource in resources:
        validate(resource)


def test_the_schema_refuses_a_word_that_it_does_not_know() -> None:
    service = find("server/base", "Service")
    service["spec"]["portz"] = []
    with pytest.raises(kubernetes_validate.ValidationError, match="portz"):
        validate(service)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
@pytest.mark.parametrize("folder", FOLDERS)
def test_kubectl_builds_the_same_resources(folder: str) -> None:
    command: list[str | Path] = ["kubectl", "kustomize", KUBERNETES / folder]
    built = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    built = re.sub(r"(working-copy|-settings)-[a-z0-9]{10}\b", r"\1", built)  # the hashes of generated maps

    def in_order(resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for pod in filter(None, map(pod_of, resources)):
            for container in pod["containers"]:
                container.get("env", []).sort(key=lambda entry: entry["name"])
        return sorted(resources, key=lambda item: (item["kind"], item["metadata"]["name"]))

    assert in_order(list(yaml.safe_load_all(built))) == in_order(build(KUBERNETES / folder))


def test_no_file_lies_unused() -> None:
    used = {POOLS["kubernetes"]}
    for folder in FOLDERS:
        file = KUBERNETES / folder / "kustomization.yaml"
        content = yaml.safe_load(file.read_text())
        names = [*content["resources"], *(patch["path"] for patch in content.get("patches", []))]
        names += [name for entry in content.get("configMapGenerator", []) for name in entry.get("files", [])]
        used |= {file, *((KUBERNETES / folder / name).resolve() for name in names)}
    assert {path for path in KUBERNETES.rglob("*") if path.is_file()} == {path for path in used if path.is_file()}


@pytest.mark.parametrize("folder", FOLDERS)
def test_pods_run_without_privileges_on_a_root_that_they_cannot_write(folder: str) -> None:
    for pod in pods(folder):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == 1000
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert {"requests", "limits"} == set(container["resources"])
            assert any(mount["mountPath"] == "/tmp" for mount in container["volumeMounts"])


@pytest.mark.parametrize("folder", FOLDERS)
def test_containers_are_images_of_this_project_at_its_version(folder: str) -> None:
    for pod in pods(folder):
        for container in pod["containers"]:
            target, tag = re.fullmatch(r"semantic-synthesis/(\w+):(.+)", container["image"]).groups()  # type: ignore[union-attr]
            assert target in TARGETS
            gpu = "nvidia.com/gpu" in container["resources"]["limits"]
            assert tag == f"{VERSION}-{'cuda' if gpu else 'cpu'}"


@pytest.mark.parametrize("folder", FOLDERS)
def test_volumes_maps_and_secrets_that_pods_use_exist(folder: str) -> None:
    resources = build(KUBERNETES / folder)
    there = {(item["kind"], item["metadata"]["name"]) for item in (*resources, *build(KUBERNETES / "project"))}
    guide = (ROOT / "docs" / "deployment.md").read_text()
    for pod in pods(folder):
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        for container in pod["containers"]:
            assert {mount["name"] for mount in container["volumeMounts"]} == set(volumes)
            for source in container.get("envFrom", []):
                if "secretRef" in source:
                    assert f"create secret generic {source['secretRef']['name']}" in guide
                else:
                    assert ("ConfigMap", source["configMapRef"]["name"]) in there
        for volume in volumes.values():
            if "persistentVolumeClaim" in volume:
                assert ("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]) in there
            if "configMap" in volume:
                assert ("ConfigMap", volume["configMap"]["name"]) in there


@pytest.mark.parametrize("folder", FOLDERS)
def test_pods_run_modules_that_are_there(folder: str) -> None:
    for pod in pods(folder):
        for container in pod["containers"]:
            for module in modules_run([*container.get("command", []), *container.get("args", [])]):
                assert can_be_run(module), module


def test_services_policies_and_budgets_select_the_pods_that_there_are() -> None:
    for folder in ("server/base", "training/base"):
        resources = build(KUBERNETES / folder)
        (labels,) = [item["spec"]["template"]["metadata"]["labels"] for item in resources if pod_of(item) is not None]
        for item in resources:
            spec = item.get("spec", {})
            selector = spec.get("podSelector", spec.get("selector"))
            if selector is not None:
                assert selector.get("matchLabels", selector) == labels, item["kind"]


def test_the_server_is_asked_for_its_health_at_the_port_where_it_listens() -> None:
    deployment = find("server/base", "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    (port,) = container["ports"]
    assert container["args"] == json.loads(dockerfile_stages()["server"].values("CMD")[0])
    assert container["args"][-2:] == ["--port", str(port["containerPort"])]
    asked = {name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "readiness", "liveness")}
    assert {name: probe["path"] for name, probe in asked.items()} == {
        "startup": "/health",
        "readiness": "/ready",
        "liveness": "/health",
    }
    policy = find("server/base", "NetworkPolicy")["spec"]["ingress"][0]["ports"][0]["port"]
    target = find("server/base", "Service")["spec"]["ports"][0]["targetPort"]
    assert {probe["port"] for probe in asked.values()} | {policy, target} == {port["name"]}
    assert deployment["spec"]["replicas"] > find("server/base", "PodDisruptionBudget")["spec"]["minAvailable"]


@pytest.mark.parametrize(("folder", "pods", "processes"), [("base", 1, 1), ("cuda", 1, 1), ("nodes", 2, 8)])
def test_a_training_job_tells_its_pods_what_they_start(folder: str, pods: int, processes: int) -> None:
    spec = find(f"training/{folder}", "Job")["spec"]
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", pods, pods)
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    variables = {entry["name"]: entry.get("value") for entry in container["env"]}
    assert {*variables, "JOB_COMPLETION_INDEX"} == set(VARIABLES)  # the index is given by Kubernetes
    assert (variables["PODS"], variables["PROCESSES_PER_POD"]) == (str(pods), str(processes))
    assert container["resources"]["limits"].get("nvidia.com/gpu", str(processes)) == str(processes)
    service = find(f"training/{folder}", "Service")
    assert variables["FIRST_POD"] == f"training-0.{service['metadata']['name']}"
    assert pod["subdomain"] == service["metadata"]["name"]
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["ports"] == [{"name": "rendezvous", "port": PORT}]


def test_a_pod_that_was_asked_to_end_is_started_again_and_one_with_bad_input_ends_the_job() -> None:
    spec = find("training/base", "Job")["spec"]
    actions = {
        code: rule["action"]
        for rule in spec["podFailurePolicy"]["rules"]
        for code in rule.get("onExitCodes", {}).get("values", [])
    }
    assert actions == {EXIT_PREEMPTED: "Ignore", 1: "FailJob"}
    assert spec["template"]["spec"]["restartPolicy"] == "Never"  # without it, Kubernetes refuses the policy


@pytest.mark.parametrize("kind", POOLS)
def test_prefect_takes_the_work_pool_and_its_worker_knows_all_its_fields(kind: str) -> None:
    import prefect
    from prefect.server.schemas.actions import WorkPoolCreate

    template = json.loads(POOLS[kind].read_text())
    WorkPoolCreate(name=kind, type=kind, base_job_template=template)
    views = Path(prefect.__file__).parent / "server" / "api" / "collections_data" / "views"
    workers = json.loads((views / "aggregate-worker-metadata.json").read_text())
    known = workers[f"prefect-{kind}"][kind]["default_base_job_configuration"]["job_configuration"]
    assert set(template["job_configuration"]) <= set(known)


def test_the_docker_work_pool_fits_the_stack() -> None:
    template = json.loads(POOLS["docker"].read_text())
    worker = services()["worker"]
    defaults = {name: entry.get("default") for name, entry in template["variables"]["properties"].items()}
    assert defaults["image"] == worker["image"]
    assert defaults["env"].items() <= worker["environment"].items()
    assert template["job_configuration"]["networks"] == ["semantic-synthesis_servers"]
    assert template["job_configuration"]["volumes"] == ["{{ project_folder }}:/project"]


def test_the_kubernetes_work_pool_makes_a_job_that_follows_the_schema() -> None:
    template = json.loads(POOLS["kubernetes"].read_text())
    defaults = {name: entry.get("default", "x") for name, entry in template["variables"]["properties"].items()}
    defaults |= {"labels": {}, "env": [], "command": ["prefect", "flow-run", "execute"]}
    text = json.dumps(template["job_configuration"]["job_manifest"])
    for name, value in defaults.items():
        text = text.replace(f'"{{{{ {name} }}}}"', json.dumps(value)).replace(f"{{{{ {name} }}}}", str(value))
    job = json.loads(text)
    pod = job["spec"]["template"]["spec"]
    assert [pod.pop(name) for name in NOT_OF_A_POD] == [1, 1]
    validate(job | {"metadata": {"name": "x", **job["metadata"]}})
    own = find("training/base", "Job")["spec"]["template"]["spec"]
    assert pod["securityContext"] == own["securityContext"]
    assert pod["volumes"] == own["volumes"]
    assert pod["containers"][0]["image"] == own["containers"][0]["image"]
