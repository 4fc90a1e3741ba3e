from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from components.data.encoding import to_signed_unit
from components.evaluation.fidelity import kernel_distances
from components.evaluation.inception import inception_features


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of Inception, as a file of plain tensors."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    class Untrained(FeatureExtractorInceptionV3):  # type: ignore[misc]
        def load_state_dict(self, state_dict: object) -> None:
            """Keep what it was made with."""

    path = tmp_path_factory.mktemp("inception") / "weights.pth"
    torch.save({}, path)
    torch.manual_seed(0)
    network = Untrained("inception", ["2048"], feature_extractor_weights_path=path)
    torch.save(network.state_dict(), path)
    return path


def test_features_are_those_of_the_library_on_the_pictures_bytes(weights: Path) -> None:
    from torch_fidelity import FeatureExtractorInceptionV3

    pixels = torch.from_numpy(np.random.default_rng(0).integers(256, size=(1, 16, 24, 3), dtype=np.uint8))
    found = inception_features(weights, torch.device("cpu"))(to_signed_unit(pixels))
    network = FeatureExtractorInceptionV3("inception", ["2048"], feature_extractor_weights_path=weights)
    assert found.shape == (1, 2048)
    assert torch.equal(found, network(pixels.permute(0, 3, 1, 2))[0])


def test_the_kernel_distance_is_that_of_the_library() -> None:
    from torch_fidelity.metric_kid import kid_features_to_metric

    first, second = np.random.default_rng(1).normal(size=(2, 30, 6))
    kid = kid_features_to_metric(
        torch.from_numpy(first), torch.from_numpy(second), kid_subsets=1, kid_subset_size=30, verbose=False
    )
    found = kernel_distances(first, second, np.ones((1, 30), np.int64))
    assert found == pytest.approx([kid["kernel_inception_distance_mean"]])


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"evaluate\.inception_weights: .*nowhere\.pth is no state dict.*No such file"):
        inception_features(tmp_path / "nowhere.pth", torch.device("cpu"))


class Evil:
    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("ran"),))


@pytest.mark.parametrize("content", ["other weights", "code", "no weights", "a safetensors file"])
def test_what_holds_no_such_weights_is_refused_and_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "weights.pth"
    if content == "no weights":
        path.write_bytes(b"text")
    elif content == "a safetensors file":
        save_file({"fc.weight": torch.zeros(1)}, path)
    else:
        torch.save({"fc.weight": torch.zeros(1)} if content == "other weights" else Evil(), path)
    with pytest.raises(ValueError, match=r"evaluate\.inception_weights: .*weights\.pth is no state dict"):
        inception_features(path, torch.device("cpu"))
    assert not (tmp_path / "ran").exists()
