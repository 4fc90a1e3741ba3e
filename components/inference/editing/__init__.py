"""Editing a scene: pure functions that take a scene and give another one; see docs/editing.md."""

from components.inference.editing.history import History
from components.inference.editing.masks import brush_mask, connected_mask, polygon_mask
from components.inference.editing.objects import (
    add_object,
    change_class,
    duplicate,
    merge,
    move,
    remove,
    scale,
    split,
    split_connected,
)
from components.inference.editing.painting import erase, paint
from components.inference.editing.scene import Scene, compact, consistent_instances
from components.inference.editing.styling import Style, draw_styles, set_class_style, set_style

__all__ = [
    "History",
    "Scene",
    "Style",
    "add_object",
    "brush_mask",
    "change_class",
    "compact",
    "connected_mask",
    "consistent_instances",
    "draw_styles",
    "duplicate",
    "erase",
    "merge",
    "move",
    "paint",
    "polygon_mask",
    "remove",
    "scale",
    "set_class_style",
    "set_style",
    "split",
    "split_connected",
]
