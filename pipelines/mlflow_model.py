"""The MLflow model, as code: the serving bundle behind `predict`. MLflow runs this file wherever a model is loaded."""

from typing import Any

import mlflow
import numpy as np
import pandas as pd  # type: ignore[import-untyped]
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.pyfunc.model import PythonModel, PythonModelContext
from numpy.typing import NDArray

from components.inference import Synthesizer
from components.inference.completion import complete_inputs, stack_inputs

INPUTS = {
    "label": ("uint8", "[N,H,W]"),
    "picture": ("uint8", "[N,H,W,3]"),
    "instance": ("int32", "[N,H,W]"),
    "styles": ("float32", "[N,M,F]"),
}


class InputError(MlflowException, ValueError):
    """A wrong input: a ValueError where the model is called, and status 400 with its message where it is served."""

    def __init__(self, message: str) -> None:
        super().__init__(message, error_code=INVALID_PARAMETER_VALUE)


class SynthesisModel(PythonModel):
    """Pictures from the arrays that the bundle's `inputs` name, or from label maps alone."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the artifact `bundle`."""
        self.synthesizer = Synthesizer(context.artifacts["bundle"])

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> NDArray[np.uint8]:
        """Make pictures.

        Args:
            context: of the loaded model.
            model_input: one row with an array, or nested lists, in each column: what MLflow's signature makes of the
                dict of inputs that a caller gives. Shapes are those of `Synthesizer.synthesize`; `instance` and
                `styles` may be left out, as `complete_inputs` says.
            params: `seed` of the styles that are drawn; the same for each picture, whatever is beside it.

        Returns:
            uint8 [N, H, W, 3], RGB.

        Raises:
            InputError: an input is missing, or has a wrong type, shape or value.
        """
        try:
            return self._synthesize(model_input, (params or {}).get("seed") or 0)
        except ValueError as error:
            raise InputError(str(error)) from error

    def _synthesize(self, model_input: pd.DataFrame, seed: int) -> NDArray[np.uint8]:
        if len(model_input) != 1:
            raise ValueError(
                f"found {len(model_input)} rows, expected one dict of inputs with the pictures as first axis"
            )
        columns = model_input.iloc[0]
        arrays = {name: as_array(name, columns[name]) for name in columns.index if columns[name] is not None}
        first = next(iter(arrays), "inputs")
        pictures = {name: len(array) for name, array in arrays.items()}
        if len(set(pictures.values())) != 1 or not pictures[first]:
            raise ValueError(f"found numbers of pictures {pictures}, expected the same of each, 1 or more")
        bundle = self.synthesizer.bundle
        completed = [
            complete_inputs(bundle, **{name: array[number] for name, array in arrays.items()}, seed=seed)
            for number in range(pictures[first])
        ]
        return self.synthesizer.synthesize(**stack_inputs(completed))


def as_array(name: str, value: Any) -> NDArray[Any]:
    """Give an input its dtype where no number changes: JSON knows integers of any size and floats only.

    Raises:
        ValueError: the value is no array of numbers of the right dimensions, or its numbers do not fit.
    """
    dtype, shape = np.dtype(INPUTS[name][0]), INPUTS[name][1]
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name}: found lists of several lengths, expected an array {shape} of {dtype}") from error
    if array.dtype.kind not in ("iuf" if dtype.kind == "f" else "iu") or array.ndim != shape.count(",") + 1:
        raise ValueError(f"{name}: found {array.dtype} of shape {array.shape}, expected {dtype} {shape}")
    if dtype.kind != "f" and array.size:
        limits = np.iinfo(dtype)
        if array.min() < limits.min or array.max() > limits.max:
            raise ValueError(
                f"{name}: found {array.min()}..{array.max()}, expected {limits.min}..{limits.max} ({dtype})"
            )
    return array.astype(dtype, copy=False)


mlflow.models.set_model(SynthesisModel())
