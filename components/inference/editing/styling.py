"""How objects look: their rows of styles.

Shapes: M ids, F style dimension.
"""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from components.inference.editing.scene import NEVER_SEEN, Scene

Style = NDArray[np.float32] | int  # [F], or the number of a style in the bank


def set_style(scene: Scene, instance: int, style: Style) -> Scene:
    """Give an object a style: float32 [F], or the number of one that the bank has for its class.

    Raises:
        ValueError: there is no such object or style, or the style has another dtype or shape or is not finite.
    """
    class_index = scene.class_of(instance)
    return _with_rows(scene, [instance], _vector(scene, class_index, style)[None])


def set_class_style(scene: Scene, class_index: int, style: Style) -> Scene:
    """Give all objects of a class one style: float32 [F], or the number of one that the bank has for the class.

    Raises:
        ValueError: there is no such class or style, no object of the class, or the style is as `set_style` refuses.
    """
    scene.instance_for(class_index)
    instances = np.flatnonzero(scene.classes == class_index).tolist()
    if not instances:
        raise ValueError(f"class {class_index}: found no instance, expected one or more")
    return _with_rows(scene, instances, _vector(scene, class_index, style)[None])


def draw_styles(scene: Scene, seed: int, instances: Iterable[int] | None = None) -> Scene:
    """Draw styles anew, as `StyleBank.sample` does with this seed; of all objects or of those given.

    Raises:
        ValueError: there is no such object, or the seed is negative.
    """
    if seed < 0:
        raise ValueError(f"seed: found {seed}, expected 0 or more")
    ids = np.flatnonzero(scene.classes != NEVER_SEEN).tolist() if instances is None else list(instances)
    if not ids:
        return scene
    return _with_rows(scene, ids, scene.drawn_styles([scene.class_of(each) for each in ids], ids, seed))


def _vector(scene: Scene, class_index: int, style: Style) -> NDArray[np.float32]:
    if isinstance(style, int | np.integer):
        if scene.bank is None:
            raise ValueError(f"style {style}: found a scene without a style bank, expected one, or a style of floats")
        style = scene.bank.style(class_index, int(style))
    return _checked_style(scene, style)


def _checked_style(scene: Scene, style: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give the style back if it is float32 [F] and finite; else raise a ValueError."""
    expected = f"float32 ({scene.styles.shape[1]},)"
    if not isinstance(style, np.ndarray) or f"{style.dtype} {style.shape}" != expected:
        found = f"{style.dtype} {style.shape}" if isinstance(style, np.ndarray) else type(style).__name__
        raise ValueError(f"style: found {found}, expected {expected}")
    if not np.isfinite(style).all():
        raise ValueError(f"style: found {style.tolist()}, expected finite numbers")
    return style


def _with_rows(scene: Scene, instances: list[int], rows: NDArray[np.float32]) -> Scene:
    styles = scene.styles.copy()
    styles[instances] = rows
    return replace(scene, styles=styles)
