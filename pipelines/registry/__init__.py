"""The model registry: versions of the serving bundle, of which the alias `champion` marks the one in use."""

from pipelines.registry.changes import ANYONE, Anyone, ChampionChanged, promote, rollback
from pipelines.registry.files import FilesGone, champion_bundle, missing_files, version_bundle
from pipelines.registry.history import Change, history
from pipelines.registry.lock import LockLost, RegistryBusy, changing
from pipelines.registry.registration import register
from pipelines.registry.store import (
    CHALLENGER,
    CHAMPION,
    MODEL_NAME,
    PREVIOUS,
    RegistryError,
    aliases,
    find,
    score,
    set_tag,
    tag,
    versions,
)

__all__ = [
    "ANYONE",
    "Anyone",
    "CHALLENGER",
    "CHAMPION",
    "Change",
    "ChampionChanged",
    "FilesGone",
    "LockLost",
    "MODEL_NAME",
    "PREVIOUS",
    "RegistryBusy",
    "RegistryError",
    "aliases",
    "champion_bundle",
    "changing",
    "find",
    "history",
    "missing_files",
    "promote",
    "register",
    "rollback",
    "score",
    "set_tag",
    "tag",
    "version_bundle",
    "versions",
]
