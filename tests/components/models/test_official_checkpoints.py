import logging
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch

from components.models.official import load_official, read_checkpoint
from components.models.official_options import official_options
from tests.golden.published_layout import PublishedGenerator

OPTIONS: dict[str, Any] = {
    **{"netG": "local", "ngf": 2, "n_downsample_global": 2, "n_blocks_global": 1, "n_local_enhancers": 1},
    **{"n_blocks_local": 1, "norm": "instance", "label_nc": 3},
}
CHANNELS = 4  # three classes and the boundary map


def _generator(**overrides: Any) -> PublishedGenerator:
    torch.manual_seed(0)
    return PublishedGenerator(OPTIONS | overrides, CHANNELS)


def _write(folder: Path, weights: dict[str, torch.Tensor], **keywords: Any) -> Path:
    path = folder / "latest_net_G.pth"
    torch.save(weights, path, **keywords)
    return path


def _load(folder: Path, **overrides: Any) -> torch.nn.Module:
    return load_official(folder, official_options(OPTIONS, overrides), only=("generator",)).networks.generator


def _agree(published: PublishedGenerator, ours: torch.nn.Module) -> bool:
    x = torch.rand(2, CHANNELS, 16, 24)
    with torch.no_grad():
        return torch.allclose(published.eval()(x), ours.eval()(x), atol=1e-5)


def test_a_folder_with_nothing_but_the_generator_is_enough_for_it(tmp_path: Path) -> None:
    published = _generator()
    _write(tmp_path, published.state_dict())
    assert _agree(published, _load(tmp_path))


def test_another_epoch_than_the_latest_is_read_from_its_own_file(tmp_path: Path) -> None:
    published = _generator()
    _write(tmp_path, published.state_dict()).rename(tmp_path / "40_net_G.pth")
    options = official_options(OPTIONS)
    assert _agree(published, load_official(tmp_path, options, only=("generator",), epoch="40").networks.generator)
    with pytest.raises(ValueError, match=r"latest_net_G\.pth: no such file"):
        _load(tmp_path)


def test_running_statistics_of_instance_norm_from_before_torch_0_4_are_left_out_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    published = _generator()
    weights = published.state_dict()
    norms = [key for key, module in published.named_modules() if isinstance(module, torch.nn.InstanceNorm2d)]
    assert {"model.2", "model1_1.5", "model1_2.0.conv_block.2"} <= set(norms)
    for key in norms:
        weights |= {f"{key}.running_mean": torch.zeros(2), f"{key}.running_var": torch.ones(2)}
    _write(tmp_path, weights, _use_new_zipfile_serialization=False)  # the format of that time, too
    with caplog.at_level(logging.INFO):
        ours = _load(tmp_path)
    assert _agree(published, ours)
    assert f"latest_net_G.pth: left out {2 * len(norms)} running statistics" in caplog.text


def test_running_statistics_of_anything_else_are_surplus(tmp_path: Path) -> None:
    _write(tmp_path, _generator().state_dict() | {"model.1.running_mean": torch.zeros(2)})
    with pytest.raises(ValueError, match=r"latest_net_G\.pth: surplus model\.1\.running_mean"):
        _load(tmp_path)


def test_batch_norm_from_before_batches_were_counted_keeps_its_statistics(tmp_path: Path) -> None:
    published = _generator(norm="batch")
    published(torch.rand(2, CHANNELS, 16, 24))  # so that the statistics are not those of the start
    weights = {key: value for key, value in published.state_dict().items() if "num_batches" not in key}
    _write(tmp_path, weights)
    assert _agree(published, _load(tmp_path, norm="batch"))


def test_the_prefix_of_data_parallel_is_taken_off(tmp_path: Path) -> None:
    published = _generator()
    _write(tmp_path, {f"module.{key}": tensor for key, tensor in published.state_dict().items()})
    assert _agree(published, _load(tmp_path))


def test_half_precision_weights_are_taken(tmp_path: Path) -> None:
    published = _generator().half()
    _write(tmp_path, published.state_dict())
    assert _agree(published.float(), _load(tmp_path))


class _Touch:
    """Makes a file where it is unpickled by a reader that runs code."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_a_pickle_that_runs_code_is_refused_and_does_not_run(tmp_path: Path) -> None:
    path = tmp_path / "latest_net_G.pth"
    path.write_bytes(pickle.dumps(_Touch(tmp_path / "ran"), protocol=2))
    with pytest.raises(ValueError, match=r"latest_net_G\.pth: expected a state dict of tensors, found a"):
        read_checkpoint(path)
    torch.save({"model.1.weight": _Touch(tmp_path / "ran")}, path)
    with pytest.raises(ValueError, match="a pickle that needs "):
        read_checkpoint(path)
    assert not (tmp_path / "ran").exists()


def test_a_pickled_network_is_refused_with_what_to_save_instead(tmp_path: Path) -> None:
    path = tmp_path / "latest_net_G.pth"
    torch.save(_generator(), path)
    with pytest.raises(ValueError, match=r"needs tests\.golden\.\S+PublishedGenerator: save `network\.state_dict\(\)`"):
        read_checkpoint(path)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_truncated_file_is_refused_with_its_size(legacy: bool, share: float, tmp_path: Path) -> None:
    path = _write(tmp_path, _generator().state_dict(), _use_new_zipfile_serialization=not legacy)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    size = path.stat().st_size
    with pytest.raises(ValueError, match=rf"latest_net_G\.pth: .*found a truncated or damaged file of {size} bytes"):
        read_checkpoint(path)


def test_a_page_in_place_of_a_download_is_called_that(tmp_path: Path) -> None:
    path = tmp_path / "latest_net_G.pth"
    path.write_text("\n<!DOCTYPE html><html><body>Too many users have viewed this file</body></html>")
    with pytest.raises(ValueError, match=r"latest_net_G\.pth: .*found an HTML page: the download went wrong"):
        read_checkpoint(path)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"epoch": 3, "state_dict": OrderedDict()}, "a dict of epoch, state_dict"),
        ({}, "a dict of "),
        ([torch.zeros(1)], "list"),
        (torch.zeros(1), "Tensor"),
    ],
)
def test_other_content_than_a_state_dict_is_named(content: Any, found: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "x.pth")
    with pytest.raises(ValueError, match=rf"x\.pth: expected a state dict of tensors, found {found}"):
        read_checkpoint(tmp_path / "x.pth")


def test_weights_that_are_not_finite_are_named(tmp_path: Path) -> None:
    weights = _generator().state_dict()
    weights["model.4.weight"][0, 0, 0, 0] = float("nan")
    path = _write(tmp_path, weights)
    with pytest.raises(ValueError, match=r"latest_net_G\.pth: .*NaN or infinity in model\.4\.weight$"):
        read_checkpoint(path)
