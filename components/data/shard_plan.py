"""Which pictures go into which shard, and which shards a machine writes: decided before any picture is read."""

from dataclasses import dataclass
from itertools import islice
from typing import Self

import numpy as np
import PIL

from components import fingerprint
from components.data.dataset import SPLITS, Record, Split
from components.data.manifest import Manifest, ManifestEntry
from components.data.preprocess_config import PreprocessConfig
from components.data.store import INSTANCE_TYPES, Shard, cut_into_shards


@dataclass(frozen=True)
class ShardPlan:
    """A shard to be written.

    Attributes:
        split: whose shard it is.
        shard: its file, pictures and size.
        records: the files of its pictures, in order.
        config: how they are encoded.
        instance_type: name of the type of the instance ids.
        source_pixels: how many pixels the photos have.
        fingerprint: of all that its bytes follow from: source files, parameters, code.
    """

    split: Split
    shard: Shard
    records: tuple[Record, ...]
    config: PreprocessConfig
    instance_type: str
    source_pixels: int
    fingerprint: str


@dataclass(frozen=True)
class Job:
    """The part of the work that one of several machines does: the `number`-th, from 1, of `count`."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `2/8`.

        Raises:
            ValueError: for anything but two numbers i/n, 1 <= i <= n.
        """
        number, _, count = text.partition("/")
        if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
            raise ValueError(f"--job: expected i/n with i in 1..n, as in 2/8, got {text}")
        return cls(int(number), int(count))

    def share(self, plans: tuple[ShardPlan, ...]) -> tuple[ShardPlan, ...]:
        """The shards of this job, a range of them; the jobs' numbers of shards differ by one at most."""
        first, end = ((self.number - 1 + step) * len(plans) // self.count for step in (0, 1))
        return plans[first:end]


def plan_shards(manifest: Manifest, config: PreprocessConfig) -> tuple[ShardPlan, ...]:
    """Plan the shards of both splits, in order."""
    return tuple(plan for split in SPLITS for plan in _plan_split(manifest, split, config))


def _plan_split(manifest: Manifest, split: Split, config: PreprocessConfig) -> list[ShardPlan]:
    entries = manifest.split(split)
    instance_type = _instance_type(entries)
    shared = {
        "code": fingerprint.of_code(["data"]),
        "pillow": PIL.__version__,
        "config": config.model_dump(exclude={"shard_size"}),
        "instance_type": instance_type,
    }
    sizes = [config.target_size(entry.height, entry.width) for entry in entries]
    pictures = zip(entries, manifest.records(split), strict=True)
    plans = []
    for shard in cut_into_shards(sizes, config.shard_size):
        own = list(islice(pictures, shard.count))
        sources = [[entry.name, entry.sha256, sorted(entry.made)] for entry, _ in own]
        plan = ShardPlan(
            split=split,
            shard=shard,
            records=tuple(record for _, record in own),
            config=config,
            instance_type=instance_type,
            source_pixels=sum(entry.height * entry.width for entry, _ in own),
            fingerprint=fingerprint.of_values(shared | {"sources": sources}),
        )
        plans.append(plan)
    return plans


def _instance_type(entries: tuple[ManifestEntry, ...]) -> str:
    """The smallest type for the dense ids of all these pictures; resizing loses ids at most."""
    most = max((entry.instance_count or 0 for entry in entries), default=0)  # without a map at most 256 classes
    return next(np.dtype(each).name for each in INSTANCE_TYPES if most <= np.iinfo(each).max + 1)
