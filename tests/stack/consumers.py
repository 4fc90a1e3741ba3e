"""Processes that use the registry's models and know no more than the MLflow server's address."""

import os
import subprocess
import sys
from pathlib import Path

CONSUMER = """
import sys
sys.modules["torch"] = None
import mlflow, numpy as np
model = mlflow.pyfunc.load_model(sys.argv[1])
image = model.predict({"label": np.ones((1, 32, 64), np.uint8)})
print(image.dtype, image.shape, image[0, 0, 0].tolist())
"""
HIDDEN = ("PYTHONPATH", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "MLFLOW_S3_ENDPOINT_URL")


def consume(uri: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Load a model and paint a picture of class 1 alone, without this repository, torch and S3's credentials."""
    folder.mkdir(exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if name not in HIDDEN}
    return subprocess.run(
        [sys.executable, "-c", CONSUMER, uri], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
