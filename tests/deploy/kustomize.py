"""What `kubectl kustomize` makes of a folder, as far as this project uses it, for machines without kubectl."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

KNOWN = {"apiVersion", "kind", "resources", "configMapGenerator", "images", "patches"}
MERGED_BY = {"containers": "name", "env": "name", "volumes": "name", "volumeMounts": "mountPath"}

Resource = dict[str, Any]


def build(folder: Path) -> list[Resource]:
    """Give the resources of a kustomization; names of generated maps lack the hash that kustomize appends.

    Raises:
        ValueError: it has a field that is not known here, or names something that is not there.
    """
    file = folder / "kustomization.yaml"
    if not file.is_file():
        raise ValueError(f"{file}: no such file, expected a kustomization")
    kustomization = yaml.safe_load(file.read_text())
    if unknown := set(kustomization) - KNOWN:
        raise ValueError(f"{file}: found {sorted(unknown)}, expected some of {sorted(KNOWN)}")
    resources = [item for name in kustomization["resources"] for item in _read(folder / name)]
    resources += [_config_map(folder, entry) for entry in kustomization.get("configMapGenerator", [])]
    for patch in kustomization.get("patches", []):
        _apply(yaml.safe_load((folder / patch["path"]).read_text()), resources, folder / patch["path"])
    for image in kustomization.get("images", []):
        _tag(resources, image["name"], image["newTag"], file)
    return resources


def _read(path: Path) -> list[Resource]:
    if path.is_dir():
        return build(path)
    return [item for item in yaml.safe_load_all(path.read_text()) if item]


def _config_map(folder: Path, entry: dict[str, Any]) -> Resource:
    data = dict(literal.split("=", 1) for literal in entry.get("literals", []))
    data |= {name: (folder / name).read_text() for name in entry.get("files", [])}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": entry["name"]}, "data": data}


def _apply(patch: Resource, resources: list[Resource], file: Path) -> None:
    key = (patch["kind"], patch["metadata"]["name"])
    targets = [item for item in resources if (item["kind"], item["metadata"]["name"]) == key]
    if len(targets) != 1:
        raise ValueError(f"{file}: found {len(targets)} resources {key}, expected one to patch")
    _merge(targets[0], patch)


def _merge(target: dict[str, Any], patch: dict[str, Any]) -> None:
    for key, value in patch.items():
        if isinstance(value, dict) and isinstance(target.get(key), dict):
            _merge(target[key], value)
        elif key in MERGED_BY and key in target:
            known = {item[MERGED_BY[key]]: item for item in target[key]}
            for item in value:
                if item[MERGED_BY[key]] in known:
                    _merge(known[item[MERGED_BY[key]]], item)
                else:
                    target[key].append(deepcopy(item))
        else:
            target[key] = deepcopy(value)


def _tag(resources: list[Resource], name: str, tag: str, file: Path) -> None:
    used = 0
    for resource in resources:
        for container in resource.get("spec", {}).get("template", {}).get("spec", {}).get("containers", []):
            if container["image"].split(":")[0] == name:
                container["image"] = f"{name}:{tag}"
                used += 1
    if not used:
        raise ValueError(f"{file}: found no container with the image {name}, expected one to give the tag {tag}")
