"""Tiny models, shards and batches, for tests of whatever trains, synthesizes or scores.

Shapes: 32x64 pixels and networks of 4 channels, unless a test asks for others.
"""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric

from components.data.dataset import ClassInfo, Split
from components.data.draws import CropConfig
from components.data.encoding import boundary_map, pack_bits
from components.data.loader import Batch, BatchMaker
from components.data.precomputed import FeatureRows, write_features
from components.data.record_encoding import number_ids
from components.data.store import INDEX_FILE, Sample, ShardStore, SplitIndex, cut_into_shards, open_shard
from components.losses.config import LossesConfig
from components.models.config import ModelConfig
from components.models.networks import Networks, PhaseShape
from components.runtime import RuntimeConfig

CPU = torch.device("cpu")
CLASSES = (
    ClassInfo(0, "unlabelled", (0, 0, 0), ignored_in_scores=True),
    ClassInfo(1, "road", (128, 64, 128)),
    ClassInfo(2, "car", (0, 0, 142), has_instances=True),
    ClassInfo(3, "sky", (70, 130, 180)),
)
MODEL: dict[str, Any] = {
    "generator": "coarse_to_fine",
    "ngf": 4,
    "n_downsample_global": 2,
    "n_blocks_global": 1,
    "n_local_enhancers": 1,
    "n_blocks_local": 1,
    "norm": "instance",
    "upsampling": "transposed",
    "boundary_map": True,
    "n_features": 3,
    "features": "instance",
    "features_file": None,
    "nef": 4,
    "n_downsample_encoder": 2,
    "ndf": 4,
    "num_D": 2,
    "n_layers_D": 2,
}


def tiny_model(**overrides: Any) -> ModelConfig:
    """Two downsamplings, one enhancer, labels with boundary map and features, two discriminators."""
    return ModelConfig(**(MODEL | overrides))


def tiny_networks(
    model: ModelConfig, *, class_count: int = len(CLASSES), enhancers: int | None = None, seed: int = 0
) -> Networks:
    """Networks of a phase, with seeded weights; `enhancers` None gives the phase of full resolution."""
    torch.manual_seed(seed)
    used = model.n_local_enhancers if enhancers is None else enhancers
    return Networks(PhaseShape(model=model, class_count=class_count, n_local_enhancers=used))


def tiny_samples(
    count: int, height: int, width: int, *, rgb: bool, seed: int
) -> tuple[list[Sample], list[tuple[int, ...]]]:
    """Pictures of random 4x4 blocks of classes, each block row of a class an instance, and their source ids."""
    rng = np.random.default_rng(seed)
    samples, instance_ids = [], []
    for _ in range(count):
        blocks = rng.integers(len(CLASSES), size=(-(-height // 4), -(-width // 4)))
        label = blocks.repeat(4, 0).repeat(4, 1)[:height, :width].astype(np.uint8)
        source = (1000 * label.astype(np.int32) + np.arange(height)[:, None] // 16).astype(np.int32)
        instance = number_ids(source, np.int32)[0]
        sample: Sample = {
            "image": rng.integers(256, size=(height, width, 3), dtype=np.uint8),
            "instance": instance,
            "boundary": pack_bits(boundary_map(torch.from_numpy(instance)[None]))[0],
        }
        if rgb:
            sample["condition"] = rng.integers(256, size=(height, width, 3), dtype=np.uint8)
        else:
            sample["label"] = label
        samples.append(sample)
        instance_ids.append(tuple(np.unique(source).tolist()))
    return samples, instance_ids


def write_store(
    folder: Path,
    samples: list[Sample],
    instance_ids: list[tuple[int, ...]],
    *,
    split: Split = "train",
    classes: tuple[ClassInfo, ...] = CLASSES,
    shard_size: int = 2,
) -> ShardStore:
    """Write shards and index of these pictures, named picture_0 and on, and open them."""
    folder.mkdir(parents=True)
    shards = cut_into_shards([sample["image"].shape[:2] for sample in samples], shard_size)
    pictures = iter(samples)
    for shard in shards:
        with open_shard(folder / shard.file, shard.count) as file:
            for sample in islice(pictures, shard.count):
                file.add(sample)
    rgb = "condition" in samples[0]
    index = SplitIndex(
        split=split,
        classes=() if rgb else classes,
        instance_maps=True,
        fingerprint=f"{split}-data",
        names=tuple(f"picture_{number}" for number in range(len(samples))),
        instance_ids=tuple(instance_ids),
        shards=shards,
    )
    (folder / INDEX_FILE).write_text(index.model_dump_json())
    return ShardStore(folder)


def tiny_store(
    folder: Path, *, count: int = 5, height: int = 32, width: int = 64, rgb: bool = False, seed: int = 0
) -> ShardStore:
    """Write and open random pictures in shards of two."""
    samples, instance_ids = tiny_samples(count, height, width, rgb=rgb, seed=seed)
    return write_store(folder, samples, instance_ids)


def mixed_store(folder: Path, sizes: Sequence[tuple[int, int]], *, rgb: bool = False) -> ShardStore:
    """Write and open random pictures of these heights and widths, in their order."""
    samples: list[Sample] = []
    instance_ids: list[tuple[int, ...]] = []
    for number, (height, width) in enumerate(sizes):
        sample, ids = tiny_samples(1, height, width, rgb=rgb, seed=number)
        samples, instance_ids = samples + sample, instance_ids + ids
    return write_store(folder, samples, instance_ids)


def random_features(path: Path, stores: tuple[ShardStore, ...], dimension: int) -> Path:
    """Write features of all instances of these stores, which are one split with one list of names."""
    rng, rows = np.random.default_rng(0), []
    for store in stores:
        counts = [len(ids) for ids in store.index.instance_ids]
        picture = np.repeat(np.arange(len(counts)), counts)
        instance = np.concatenate([np.arange(count) for count in counts])
        features = rng.uniform(-1, 1, (len(picture), dimension)).astype(np.float32)
        rows.append(FeatureRows(store.index, features, picture, instance))
    write_features(path, rows)
    return path


def tiny_maker(
    store: ShardStore, *, scale: int = 1, use_boundary_map: bool = True, crop: CropConfig | None = None
) -> BatchMaker:
    """Batches on the CPU."""
    return BatchMaker(store, scale=scale, use_boundary_map=use_boundary_map, device=CPU, crop=crop)


def random_batch(
    model: ModelConfig, *, class_count: int = len(CLASSES), batch: int = 2, height: int = 32, width: int = 64
) -> Batch:
    """A batch made without shards: random pictures of the condition's channels, six instances in blocks of 8x8."""
    generator = torch.Generator().manual_seed(7)
    channels = (class_count or 3) + model.boundary_map
    ids = torch.randint(6, (batch, -(-height // 8), -(-width // 8)), generator=generator)
    return Batch(
        names=tuple(f"picture_{number}" for number in range(batch)),
        positions=tuple(range(batch)),
        condition=torch.rand(batch, channels, height, width, generator=generator),
        image=torch.rand(batch, 3, height, width, generator=generator) * 2 - 1,
        label=None,
        instance=ids.repeat_interleave(8, 1).repeat_interleave(8, 2)[:, :height, :width],
        instance_count=6,
    )


def tiny_losses(**overrides: Any) -> LossesConfig:
    """The paper's losses without VGG19, for which there are no weights."""
    values: dict[str, Any] = {"adversarial": "least_squares", "lambda_feature_matching": 10, "lambda_l1": 0}
    values |= {"lambda_perceptual": 10, "perceptual": "johnson", "vgg_weights": None}
    return LossesConfig(**(values | overrides))


def tiny_runtime(**overrides: Any) -> RuntimeConfig:
    """One thread of a CPU, float32, nothing that makes it faster."""
    values: dict[str, Any] = {"accelerator": "cpu", "precision": "32-true", "threads": 1}
    values |= {"channels_last": False, "compile": False, "gradient_checkpointing": False}
    return RuntimeConfig(**(values | overrides))


def cpu_fabric() -> Fabric:
    """Full precision on the CPU."""
    return Fabric(accelerator="cpu", devices=1, precision="32-true")
