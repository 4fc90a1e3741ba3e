"""Inception's features, on which distances between sets of pictures are FID and KID."""

from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import Tensor

from components.data.encoding import to_bytes
from components.evaluation.fidelity import Features

LAYER = "2048"  # the last average pooling, as FID and KID are defined


def inception_features(weights: Path, device: torch.device) -> Features:
    """Load the Inception network that FID is defined on, TensorFlow's of 2015 in torch-fidelity's transcription.

    Args:
        weights: its state dict from a local file, `weights-inception-2015-12-05-6726825d.pth`.
        device: where it runs.

    Raises:
        ValueError: naming the file, where it cannot be read as these weights.
    """
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3  # seconds to import

    try:
        network = FeatureExtractorInceptionV3("inception", [LAYER], feature_extractor_weights_path=weights).to(device)
    except (OSError, RuntimeError, TypeError, LookupError, EOFError, UnpicklingError) as error:
        raise ValueError(
            f"evaluate.inception_weights: {weights} is no state dict of FID's Inception: {error}"
        ) from error

    @torch.no_grad()
    def extract(images: Tensor) -> Tensor:
        features: Tensor = network(to_bytes(images).permute(0, 3, 1, 2))[0]
        return features

    return extract
