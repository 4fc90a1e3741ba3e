from pathlib import Path

import numpy as np
import pytest
import torch

from components.data.draws import CropConfig, epoch_batches
from components.data.loader import BatchMaker
from components.data.transfer import DeviceCopier
from tests.tiny import CPU, mixed_store, tiny_maker, tiny_store

on_a_gpu = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")]


@pytest.mark.parametrize("device", [CPU, pytest.param(torch.device("cuda", 0), marks=on_a_gpu)], ids=str)
def test_tensors_arrive_as_they_were_sent(device: torch.device) -> None:
    arrays: dict[str, np.ndarray] = {
        "image": np.arange(24, dtype=np.uint8).reshape(2, 3, 4),
        "instance": np.array([[7, -1]], np.int32),
    }
    copier = DeviceCopier(device)
    tensors = copier.receive(copier.send(arrays))
    assert tensors.keys() == arrays.keys()
    for key, tensor in tensors.items():
        assert tensor.device == device
        assert np.array_equal(tensor.cpu().numpy(), arrays[key])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("crop", [None, CropConfig(height=8, width=16)], ids=["whole", "crop"])
def test_batches_on_a_gpu_are_those_on_the_cpu(tmp_path: Path, crop: CropConfig | None) -> None:
    store = mixed_store(tmp_path / "train", [(32, 64), (16, 64), (32, 64), (32, 64), (16, 64)] * 4)
    on_gpu = BatchMaker(store, scale=1, use_boundary_map=True, device=torch.device("cuda", 0), crop=crop)
    batches = epoch_batches(store.index, seed=0, epoch=0, batch_size=2, flip=True, crop=crop)
    with on_gpu.stream(batches) as stream:
        found = []
        for batch in stream:
            # The device is behind the host: memory must not be used again too early.
            torch.cuda._sleep(10_000_000)  # type: ignore[no-untyped-call]
            found.append(batch)
    for batch, expected in zip(found, map(tiny_maker(store, crop=crop).make, batches), strict=True):
        for name in ("condition", "image", "instance", "label"):
            torch.testing.assert_close(getattr(batch, name).cpu(), getattr(expected, name))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_making_a_batch_on_a_gpu_never_waits_for_it(tmp_path: Path) -> None:
    store = tiny_store(tmp_path / "train", count=4)
    maker = BatchMaker(store, scale=1, use_boundary_map=True, device=torch.device("cuda", 0))
    batches = epoch_batches(store.index, seed=0, epoch=0, batch_size=2, flip=True, crop=None)
    maker.make(batches[0])  # the first use of the device sets it up
    torch.cuda.set_sync_debug_mode("error")
    try:
        maker.make(batches[1])
    finally:
        torch.cuda.set_sync_debug_mode("default")
