"""The serving bundle as an MLflow model that carries the code it needs.

A consumer needs MLflow, numpy, pillow and onnxruntime, and neither torch nor this repository.
"""

import shutil
from importlib.metadata import version as installed_version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from components.inference import Bundle
from pipelines.tracking import EXPERIMENT

ROOT = Path(__file__).resolve().parents[1]
REGISTRATION_TAG = "registration"
PENDING = "pending"
BUNDLE_PATH = "artifacts/bundle"  # in the MLflow model, which puts each artifact under its folder's name
INPUT_TYPES = {
    "label": "uint8 [N,H,W], class indices",
    "picture": "uint8 [N,H,W,3], RGB",
    "instance": "int32 [N,H,W]; without styles any ids, with them the rows of styles; left out: connected regions",
    "styles": "float32 [N,M,F], the style of each instance id; left out: drawn from the seed",
}


def log_model(bundle: Bundle, name: str) -> str:
    """Log a bundle as an MLflow model with signature, input example and pinned requirements.

    Its tag `registration` is `pending` until whoever registers it says which version it became.

    Returns:
        MLflow's id of the model.
    """
    import mlflow

    mlflow.set_experiment(EXPERIMENT)
    with TemporaryDirectory() as staging:
        code = Path(staging) / "components"
        code.mkdir()
        shutil.copy(ROOT / "components" / "__init__.py", code)
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "components" / "inference", code / "inference", ignore=ignored)
        # Files of a bundle may be links into the cache of DVC, and MLflow refuses those that lead out.
        files = shutil.copytree(bundle.folder, Path(staging) / "bundle")
        model = mlflow.pyfunc.log_model(
            name=name,
            python_model=str(ROOT / "pipelines" / "mlflow_model.py"),
            artifacts={"bundle": str(files)},
            code_paths=[str(code)],
            signature=_signature(bundle),
            input_example=_example(bundle),
            metadata={"inputs": {name: INPUT_TYPES[name] for name in bundle.inputs}},
            pip_requirements=_requirements(),
            tags={REGISTRATION_TAG: PENDING},
        )
    return str(model.model_id)


def _requirements() -> list[str]:
    """Pin what the model needs; onnxruntime by its plain name, which its GPU build satisfies too."""
    import onnxruntime

    pins = [f"{package}=={installed_version(package)}" for package in ("numpy", "pillow")]
    return [*pins, f"onnxruntime=={onnxruntime.__version__}"]


def _signature(bundle: Bundle) -> Any:
    """Give the inputs, of which only the condition is required, the output, and the seed as a parameter of each call.

    MLflow knows no optional tensors, only optional columns. Columns typed down to the number would be checked row by
    row and copied as int64 or float64 (0.2 s for a label and an instance map of 2048 x 1024), refuse styles that JSON
    writes as integers, and take minutes for [N,H,W,3]. `Any` leaves arrays as they are: the model checks them, and the
    metadata state their types. `Array` around the first makes MLflow pass all on whole instead of as lists of lists.
    """
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec
    from mlflow.types.schema import AnyType, Array

    anything = AnyType()  # type: ignore[no-untyped-call]
    inputs: list[ColSpec | TensorSpec] = [
        ColSpec(Array(anything), name) if name in ("label", "picture") else ColSpec(anything, name, required=False)
        for name in bundle.inputs
    ]
    image = TensorSpec(np.dtype("uint8"), (-1, -1, -1, 3))
    return ModelSignature(Schema(inputs), Schema([image]), ParamSchema([ParamSpec("seed", "long", 0)]))


def _example(bundle: Bundle) -> dict[str, Any]:
    """Make a small valid input: one region of class 0, in the style that the bank gives it."""
    import numpy as np

    height, width = (min(size, 4 * bundle.size_multiple) for size in bundle.trained_size)
    label_HW = np.zeros((height, width), dtype=np.uint8)
    instance_HW = np.zeros((height, width), dtype=np.int32)
    arrays: dict[str, Any] = {
        "label": label_HW,
        "picture": np.zeros((height, width, 3), dtype=np.uint8),
        "instance": instance_HW,
        "styles": bundle.style_bank.sample(label_HW, instance_HW, seed=0),
    }
    return {name: arrays[name][None] for name in bundle.inputs}
