import tracemalloc

import numpy as np
import pytest

from components.inference import editing
from components.inference.editing import History, Scene


def blank(height: int = 4, width: int = 5) -> Scene:
    zeros = np.zeros((height, width), dtype=np.int32)
    return Scene.from_maps(zeros.astype(np.uint8), zeros, np.zeros((1, 2), np.float32), has_instances=(False, True))


def painted(scene: Scene, y: int, x: int) -> Scene:
    return editing.paint(scene, editing.brush_mask(scene.instance.shape, [(y, x)], 1), 1)


def content(scene: Scene) -> tuple[list[list[int]], list[int], list[list[float]]]:
    return scene.instance.tolist(), scene.classes.tolist(), scene.styles.tolist()


def test_changes_are_taken_back_and_made_again_one_by_one() -> None:
    scenes = [blank()]
    history = History(scenes[0])
    for y, x in ((0, 0), (2, 2), (3, 4)):
        scenes.append(painted(scenes[-1], y, x))
        history.record(scenes[-1])
    style = np.array([1, 2], dtype=np.float32)
    scenes.append(editing.set_style(scenes[-1], 1, style))
    history.record(scenes[-1])
    for expected in scenes[-2::-1]:
        assert content(history.undo()) == content(expected) == content(history.scene)
    assert not history.can_undo
    with pytest.raises(ValueError, match="^undo: found no change to take back$"):
        history.undo()
    for expected in scenes[1:]:
        assert content(history.redo()) == content(expected)
    assert not history.can_redo
    with pytest.raises(ValueError, match="^redo: found no change to make again$"):
        history.redo()
    for expected in scenes[-2::-1]:
        assert content(history.undo()) == content(expected)


def test_there_is_something_to_undo_after_a_change_and_something_to_redo_after_an_undo() -> None:
    history = History(blank())
    assert (history.can_undo, history.can_redo) == (False, False)
    history.record(painted(history.scene, 0, 0))
    assert (history.can_undo, history.can_redo) == (True, False)
    history.undo()
    assert (history.can_undo, history.can_redo) == (False, True)
    history.redo()
    assert (history.can_undo, history.can_redo) == (True, False)


def test_a_new_change_forgets_what_was_undone() -> None:
    first = blank()
    history = History(first)
    history.record(painted(first, 0, 0))
    history.undo()
    other = painted(first, 3, 3)
    history.record(other)
    assert not history.can_redo
    assert content(history.undo()) == content(first)
    assert content(history.redo()) == content(other)


def test_the_present_scene_is_no_change_and_another_size_is_refused() -> None:
    history = History(blank())
    history.record(history.scene)
    assert not history.can_undo
    with pytest.raises(ValueError, match=r"^scene: found shape \(5, 5\), expected \(4, 5\)$"):
        history.record(blank(5, 5))


def test_a_change_keeps_little_more_than_what_it_touched() -> None:
    scene = blank(512, 1024)  # 2 MB
    history = History(scene)
    tracemalloc.start()
    for k in range(50):
        scene = painted(scene, 10 * k, 20 * k)
        history.record(scene)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept - scene.instance.nbytes < 50 * 4096
