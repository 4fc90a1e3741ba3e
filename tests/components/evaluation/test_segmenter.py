import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from components.checkpoint import TEMPORARY_FILE, CheckpointFolder
from components.data.loader import BatchMaker
from components.evaluation import segmenter_training
from components.evaluation.config import SegmenterConfig
from components.evaluation.evaluate import absolute_differences, confusion_of, confusions_of, named_images, photos
from components.evaluation.scores import scores_of
from components.evaluation.segmenter import Segmenter, load_segmenter
from components.evaluation.segmenter_training import train_segmenter
from components.preemption import Preempted
from tests.tiny import CLASSES, cpu_fabric, mixed_store, tiny_maker, tiny_samples, tiny_store, write_store

SIZE: dict[str, Any] = {"encoder": "resnet18", "channels": 8}


def _config(**overrides: Any) -> SegmenterConfig:
    values = {"checkpoint": None, "epochs": 1, "batch_size": 2, "learning_rate": 0.003, "seed": 0}
    return SegmenterConfig(**(SIZE | values | overrides))


def _train(
    maker: BatchMaker,
    config: SegmenterConfig,
    folder: Path,
    *,
    after_epoch: Callable[[int], None] = lambda epoch: None,
    checkpoint_seconds: float = 0,
) -> Segmenter:
    """Train with a checkpoint after each step, in a folder of its own; `after_epoch` may end it."""
    return train_segmenter(
        maker,
        config,
        cpu_fabric(),
        checkpoints=CheckpointFolder(folder / "state", config.model_dump_json(), keep=2),
        checkpoint_seconds=checkpoint_seconds,
        report=lambda loss, epoch: after_epoch(epoch),
    )


def _flat_colours(folder: Path, *, count: int = 4) -> BatchMaker:
    """Left part road in red, right part sky in blue, at another column in each picture; a band is unlabelled."""
    samples, instance_ids = tiny_samples(count, 32, 64, rgb=False, seed=0)
    for number, sample in enumerate(samples):
        edge = 8 * (number + 2)
        sample["label"][:] = 3
        sample["label"][:, :edge] = 1
        sample["image"][:] = np.where(sample["label"][..., None] == 1, [230, 10, 10], [10, 10, 230])
        sample["label"][:4] = 0
    return tiny_maker(write_store(folder, samples, instance_ids))


def _photos_by_name(maker: BatchMaker) -> dict[str, NDArray[np.uint8]]:
    pictures = zip(maker.store.index.names, maker.store, strict=True)
    return {name: sample["image"].astype(np.uint8) for name, sample in pictures}


def _segmenter(seed: int = 0) -> Segmenter:
    torch.manual_seed(seed)
    return Segmenter(CLASSES, **SIZE).eval()


def test_it_learns_to_tell_two_flat_colours_apart(tmp_path: Path) -> None:
    maker = _flat_colours(tmp_path / "train")
    segmenter = _train(maker, _config(epochs=12), tmp_path)
    assert not segmenter.training
    scores = scores_of(confusion_of(segmenter, maker, photos, cpu_fabric()), CLASSES)
    assert scores.pixel_accuracy > 0.85  # chance and the commoner class give half


def test_a_picture_has_a_class_at_each_pixel_and_none_is_ignored() -> None:
    segmenter = _segmenter()
    segmenter.network.segmentation_head[0].bias.data = torch.tensor([1000.0, 0.0, 0.0, 0.0])
    predicted = segmenter.predict(torch.rand(2, 3, 32, 64) * 2 - 1)
    assert predicted.shape == (2, 32, 64)
    assert predicted.dtype == torch.int64
    assert set(predicted.flatten().tolist()) <= {1, 2, 3}
    assert segmenter(torch.zeros(1, 3, 32, 64))[:, 0].isinf().all()


def test_pixels_of_ignored_classes_teach_nothing(tmp_path: Path) -> None:
    def trained(folder: str, rest: int) -> torch.Tensor:
        samples, instance_ids = tiny_samples(2, 32, 64, rgb=False, seed=0)
        for sample in samples:
            sample["label"][:] = 1
            sample["label"][:, :56] = rest  # seven of eight pixels
        maker = tiny_maker(write_store(tmp_path / folder, samples, instance_ids))
        segmenter = _train(maker, _config(), tmp_path / folder)  # one step
        bias: torch.Tensor = segmenter.network.segmentation_head[0].bias
        return bias.detach().clone()

    torch.manual_seed(0)
    start = Segmenter(CLASSES, **SIZE).network.segmentation_head[0].bias.detach()
    ignored, scored = trained("ignored", 0), trained("scored", 2)
    # A fresh network gives each of three classes a third: one of eight pixels is too few for class 1,
    # unless it is the only one that counts.
    assert scored[1] < start[1]
    assert scored[2] > start[2]
    assert ignored[1] > start[1]
    assert ignored[2] < start[2]


def test_a_saved_segmenter_predicts_the_same(tmp_path: Path) -> None:
    segmenter = _segmenter()
    segmenter.save(tmp_path / "segmenter")
    loaded = load_segmenter(tmp_path / "segmenter", CLASSES)
    image = torch.rand(1, 3, 32, 64) * 2 - 1
    assert torch.equal(loaded(image), segmenter(image))
    assert not loaded.training


@pytest.mark.parametrize("name", ["segmenter.json", "segmenter.safetensors"])
def test_a_missing_file_is_refused_with_the_folder(tmp_path: Path, name: str) -> None:
    _segmenter().save(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(ValueError, match=f"{tmp_path}.*: expected a .*found .*{name}"):
        load_segmenter(tmp_path, CLASSES)


def test_weights_for_other_classes_are_refused_with_file_and_shapes(tmp_path: Path) -> None:
    _segmenter().save(tmp_path)
    with pytest.raises(ValueError, match=r"segmenter\.safetensors: .*has shape \(4,\), expected \(2,\)"):
        load_segmenter(tmp_path, CLASSES[:2])


def test_a_checkpoint_takes_the_place_of_training(tmp_path: Path) -> None:
    segmenter = _segmenter(seed=3)
    segmenter.save(tmp_path / "saved")
    maker = _flat_colours(tmp_path / "train", count=1)
    config = _config(checkpoint=tmp_path / "saved" / "segmenter.safetensors", epochs=50)
    found = _train(maker, config, tmp_path)
    weights = segmenter.state_dict()
    assert all(torch.equal(value, weights[key]) for key, value in found.state_dict().items())
    assert not found.training


def test_a_checkpoint_of_another_backbone_is_refused_with_its_file(tmp_path: Path) -> None:
    _segmenter().save(tmp_path / "saved")
    path = tmp_path / "saved" / "segmenter.safetensors"
    maker = _flat_colours(tmp_path / "train", count=1)
    with pytest.raises(ValueError, match=f"{path}: .*has shape"):
        _train(maker, _config(checkpoint=path, channels=16), tmp_path)


def test_the_same_seed_trains_the_same_segmenter(tmp_path: Path) -> None:
    maker = _flat_colours(tmp_path / "train", count=2)
    first, again, other = (
        _train(maker, _config(seed=seed), tmp_path / str(number)).state_dict() for number, seed in enumerate((1, 1, 2))
    )
    assert all(torch.equal(value, again[key]) for key, value in first.items())
    assert not all(torch.equal(value, other[key]) for key, value in first.items())


def test_named_images_are_scored_in_place_of_photos(tmp_path: Path) -> None:
    maker = tiny_maker(tiny_store(tmp_path / "val", count=3))
    pixels = _photos_by_name(maker)
    assert absolute_differences(maker, photos).tolist() == [0, 0, 0]
    assert absolute_differences(maker, named_images(pixels.__getitem__)).tolist() == [0, 0, 0]
    darker = {name: np.where(image >= 12, image - 12, image + 12).astype(np.uint8) for name, image in pixels.items()}
    assert absolute_differences(maker, named_images(darker.__getitem__)) == pytest.approx([12, 12, 12], abs=1e-4)
    segmenter = _segmenter()
    on_photos = confusion_of(segmenter, maker, photos, cpu_fabric())
    assert torch.equal(confusion_of(segmenter, maker, named_images(pixels.__getitem__), cpu_fabric()), on_photos)
    scored = sum(int((sample["label"] != 0).sum()) for sample in maker.store)
    assert int(on_photos.sum()) == scored


def test_a_size_that_pspnet_does_not_divide_is_padded_and_cut_back() -> None:
    segmenter = _segmenter().eval()
    assert segmenter.predict(torch.zeros(1, 3, 36, 68)).shape == (1, 36, 68)


def _assert_equal(found: Segmenter, expected: Segmenter) -> None:
    weights = found.state_dict()
    assert all(torch.equal(tensor, weights[name]) for name, tensor in expected.state_dict().items())


@pytest.mark.parametrize("last", [1, 2])
def test_interrupted_training_goes_on_and_ends_with_the_same_weights(tmp_path: Path, last: int) -> None:
    def interrupt(epoch: int) -> None:  # before the epoch's last checkpoint: training goes on in mid-epoch
        if epoch == last:
            raise KeyboardInterrupt

    maker, config = tiny_maker(tiny_store(tmp_path / "train", count=5)), _config(epochs=3)
    whole = _train(maker, config, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        _train(maker, config, tmp_path / "cut", after_epoch=interrupt)
    _assert_equal(_train(maker, config, tmp_path / "cut"), whole)


def test_sigterm_saves_the_step_under_way_and_no_step_is_taken_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def terminate(epoch: int) -> None:
        if epoch == 1:
            os.kill(os.getpid(), signal.SIGTERM)

    def counting_step(*arguments: Any) -> float:
        steps.append(1)
        return step(*arguments)

    steps: list[int] = []
    step = segmenter_training._step
    maker, config = tiny_maker(tiny_store(tmp_path / "train", count=5)), _config(epochs=3)
    whole = _train(maker, config, tmp_path / "whole")
    monkeypatch.setattr(segmenter_training, "_step", counting_step)
    with pytest.raises(Preempted, match="after 1 epochs and 0 batches: run again"):
        _train(maker, config, tmp_path / "cut", after_epoch=terminate, checkpoint_seconds=3600)
    _assert_equal(_train(maker, config, tmp_path / "cut", checkpoint_seconds=3600), whole)
    assert len(steps) == 9


def test_a_full_disk_does_not_end_training(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    maker, config = tiny_maker(tiny_store(tmp_path / "train", count=4)), _config(epochs=2)
    whole = _train(maker, config, tmp_path / "whole")
    state = tmp_path / "full" / "state"

    def fill(epoch: int) -> None:
        if epoch == 1:
            (state / TEMPORARY_FILE).symlink_to("/dev/full")  # the next save finds no room

    _assert_equal(_train(maker, config, tmp_path / "full", after_epoch=fill), whole)
    assert f"{state}/checkpoint-00000002" in caplog.text
    assert "No space left on device" in caplog.text
    assert len(list(state.iterdir())) == 2, "there is room again, and later saves succeed"


def test_pictures_of_several_sizes_are_trained_on_and_scored_pixel_by_pixel(tmp_path: Path) -> None:
    maker = tiny_maker(mixed_store(tmp_path / "train", [(32, 64), (16, 48), (32, 64), (24, 24)]))
    segmenter = _train(maker, _config(epochs=2), tmp_path)
    assert all(weight.isfinite().all() for weight in segmenter.state_dict().values())
    confusion = confusion_of(segmenter, maker, photos, cpu_fabric())
    assert int(confusion.sum()) == sum(int((sample["label"] != 0).sum()) for sample in maker.store)
    pixels = _photos_by_name(maker)
    assert absolute_differences(maker, named_images(pixels.__getitem__)).tolist() == [0, 0, 0, 0]
    each = confusions_of(segmenter, maker, photos, cpu_fabric(), band=1)
    assert torch.equal(each.everywhere.sum(0), confusion)
    near = []
    for sample in maker.store:
        label, boundary = sample["label"], sample["boundary"].astype(np.uint8)
        near.append(np.unpackbits(boundary, axis=-1, count=label.shape[1])[label != 0].sum())
    assert each.near_boundaries.sum((1, 2)).tolist() == near
