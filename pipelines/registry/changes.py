"""Changes of the champion: promotion and rollback, each a single write of the alias `champion`.

Whatever happens between two writes, the alias names one version, the old or the new one; all else follows from the
record that was written before (`history`), and the next change begins with finishing it.
"""

import getpass
from collections.abc import Mapping
from dataclasses import replace
from enum import Enum

from pipelines.registry.history import MADE, NOT_MADE, Change, begin, end, under_way
from pipelines.registry.lock import Lock, changing
from pipelines.registry.store import (
    CHALLENGER,
    CHAMPION,
    PREVIOUS,
    RegistryError,
    aliases,
    asking,
    get_version,
    score,
    set_tag,
)


class Anyone(Enum):
    """Stands for whatever version is the champion."""

    CHAMPION = "any"


ANYONE = Anyone.CHAMPION


class ChampionChanged(RegistryError):
    """The champion is another version than the one that the new version was judged against."""


def promote(
    version: int,
    name: str,
    *,
    why: str,
    by: str | None = None,
    expected_champion: int | None | Anyone = ANYONE,
    scores: Mapping[str, float] | None = None,
    parent_run: str | None = None,
) -> None:
    """Make a version the champion; the champion until now is remembered for `rollback`.

    Args:
        version: the new champion; nothing is done where it is that already.
        name: of the registered model.
        why: the reason, for the record.
        by: who does it; the user of this process by default.
        expected_champion: the version that the new one was judged against, None where there was no champion.
        scores: figures for the record, beside the version's own mean IoU if it was measured.
        parent_run: MLflow run of the retraining that does it.

    Raises:
        RegistryError: the model has no such version.
        ChampionChanged: the champion is another version than expected.
        RegistryBusy: other processes change the model all the time.
        TrackingError: the store does not answer.
    """
    with changing(name) as lock:
        get_version(version, name)
        settle(name)
        champion = aliases(name).get(CHAMPION)
        if champion == version:
            return
        if expected_champion is not ANYONE and champion != expected_champion:
            raise ChampionChanged(
                f"{name}: found champion version {champion}, expected {expected_champion}, which version {version} "
                "was judged against; judge it anew"
            )
        change = Change("promote", name, version, champion, why, by or getpass.getuser(), scores=dict(scores or {}))
        _make(replace(change, parent_run=parent_run), lock)


def rollback(name: str, *, why: str, by: str | None = None) -> int:
    """Swap the champion and the one before it, and give the version that is champion now.

    Args:
        name: of the registered model.
        why: the reason, for the record.
        by: who does it; the user of this process by default.

    Raises:
        RegistryError: no promotion has replaced a champion.
        RegistryBusy: other processes change the model all the time.
        TrackingError: the store does not answer.
    """
    with changing(name) as lock:
        settle(name)
        marks = aliases(name)
        previous, champion = marks.get(PREVIOUS), marks.get(CHAMPION)
        if previous is None or previous == champion:
            raise RegistryError(
                f"{name}: found {'no alias' if previous is None else f'champion version {champion} as'} {PREVIOUS!r}, "
                "expected the champion that a promotion replaced"
            )
        _make(Change("rollback", name, previous, champion, why, by or getpass.getuser()), lock)
    return previous


def settle(name: str) -> None:
    """Finish what a process that was killed left undone; to be called with the lock held."""
    champion = aliases(name).get(CHAMPION)
    for change in under_way(name):
        if change.version == champion:
            _finish(change)
        else:
            end(str(change.run_id), NOT_MADE)


def _make(change: Change, lock: Lock) -> None:
    mean_iou = score(get_version(change.version, change.model))
    known = {} if mean_iou is None else {"mean_iou": mean_iou}
    change = replace(change, scores=known | dict(change.scores))
    recorded = replace(change, run_id=begin(change))
    lock.check()
    with asking() as client:
        client.set_registered_model_alias(change.model, CHAMPION, str(change.version))
    _finish(recorded)


def _finish(change: Change) -> None:
    """Do what follows from a new champion; doing it twice changes nothing."""
    name, version = change.model, change.version
    marks = aliases(name)
    with asking() as client:
        if change.replaced is not None:
            client.set_registered_model_alias(name, PREVIOUS, str(change.replaced))
        elif marks.get(PREVIOUS) == version:
            client.delete_registered_model_alias(name, PREVIOUS)
        if marks.get(CHALLENGER) == version:
            client.delete_registered_model_alias(name, CHALLENGER)
    set_tag(version, name, "replaces", "none" if change.replaced is None else str(change.replaced))
    end(str(change.run_id), MADE)
