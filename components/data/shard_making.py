"""Making a shard, once: beside a finished one a note says what it was made of, and an interrupted run goes on there."""

import os
import zlib
from pathlib import Path
from uuid import uuid4

import numpy as np
from pydantic import ValidationError

from components.config import Config
from components.data.dataset import Record
from components.data.heap import keep_freed_memory
from components.data.record_encoding import encode_record
from components.data.shard_plan import ShardPlan
from components.data.store import ShardFile, open_shard

_CRC_BYTES = 1 << 18  # read at a time: what the processor's cache holds


class ShardNote(Config):
    """What is noted of a finished shard.

    Attributes:
        fingerprint: of what it was made of.
        crc32: of its bytes.
        instance_ids: for each picture, the dataset's own id of each dense id.
    """

    fingerprint: str
    crc32: int
    instance_ids: tuple[tuple[int, ...], ...]


def shard_path(plan: ShardPlan, state: Path) -> Path:
    """Where a finished shard waits for the others."""
    return state / plan.split / plan.shard.file


def find_shard(plan: ShardPlan, state: Path) -> ShardNote | None:
    """The note of a shard that is there, whole, and made of the same; None where it has to be made."""
    path = shard_path(plan, state)
    try:
        note = ShardNote.model_validate_json(_note_path(path).read_bytes())
        return note if note.fingerprint == plan.fingerprint and note.crc32 == _crc32(path) else None
    except (FileNotFoundError, ValidationError):
        return None


def make_shard(plan: ShardPlan, state: Path) -> ShardNote:
    """Write a shard and its note below `state`, where they are not there already.

    Files appear whole. They are not synced: what a power cut leaves of them does not fit the checksum. Two processes
    that make the same shard write the same bytes, each to a name of its own until it is whole.

    Raises:
        ValueError: naming a file that cannot be read or is no longer what `prepare` saw.
        OSError: naming the shard, where it cannot be written.
    """
    found = find_shard(plan, state)
    if found is not None:
        return found
    keep_freed_memory()
    path = shard_path(plan, state)
    path.parent.mkdir(parents=True, exist_ok=True)
    note_path, suffix = _note_path(path), f".{uuid4().hex}.tmp"
    temporary, temporary_note = path.with_name(path.name + suffix), note_path.with_name(note_path.name + suffix)
    try:
        with open_shard(temporary, plan.shard.count) as file:
            instance_ids = tuple(_add_picture(file, plan, record) for record in plan.records)
        note = ShardNote(fingerprint=plan.fingerprint, crc32=_crc32(temporary), instance_ids=instance_ids)
        temporary_note.write_text(note.model_dump_json())
        os.replace(temporary, path)
        os.replace(temporary_note, note_path)
    finally:
        temporary.unlink(missing_ok=True)
        temporary_note.unlink(missing_ok=True)
    return note


def _add_picture(file: ShardFile, plan: ShardPlan, record: Record) -> tuple[int, ...]:
    """Encode a picture and write it; give its source ids."""
    size, most = (plan.shard.height, plan.shard.width), np.iinfo(plan.instance_type).max + 1
    sample, ids = encode_record(record, plan.config, plan.instance_type)
    if sample["image"].shape[:2] != size or len(ids) > most:
        raise ValueError(
            f"{record.image}: expected a picture that becomes {size[0]} x {size[1]} pixels with at most {most} "
            f"instances, found {' x '.join(map(str, sample['image'].shape[:2]))} and {len(ids)}: the files changed "
            "since the stage `prepare`; run it again"
        )
    file.add(sample)
    return ids


def _note_path(path: Path) -> Path:
    return path.with_suffix(".json")


def _crc32(path: Path) -> int:
    crc, block = 0, memoryview(bytearray(_CRC_BYTES))
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(block):
            crc = zlib.crc32(block[:count], crc)
    return crc
