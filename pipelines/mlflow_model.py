"""The MLflow model, as code: the serving bundle behind `predict`. MLflow runs this file wherever a model is loaded."""

from typing import Any, cast

import mlflow
import numpy as np
from mlflow.pyfunc.model import PythonModel, PythonModelContext
from numpy.typing import NDArray

from components.inference import Synthesizer


class SynthesisModel(PythonModel):
    """Pictures from the arrays that the bundle's `inputs` name."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the artifact `bundle`."""
        self.synthesizer = Synthesizer(context.artifacts["bundle"])

    def predict(
        self, context: PythonModelContext, model_input: np.ndarray, params: dict[str, Any] | None = None
    ) -> NDArray[np.uint8]:
        """Make pictures; inputs, output and errors are those of `Synthesizer.synthesize`.

        Args:
            context: of the loaded model.
            model_input: a dict of arrays by input name. MLflow derives a signature from a type hint and warns of
                each that it cannot use, a dict of arrays among them; it lets `np.ndarray` pass.
            params: none are known.
        """
        return self.synthesizer.synthesize(**cast(dict[str, NDArray[Any]], model_input))


mlflow.models.set_model(SynthesisModel())
