"""Paint trees: a trunk, a crown of many tufts that is brighter towards the sun, and a shadow."""

import numpy as np

from components.data.street_scenes.canvas import Canvas, Floats, Sketch, smooth_noise
from components.data.street_scenes.catalogue import TREE, style_colour, style_name
from components.data.street_scenes.layout import Tree

BARK: Floats = np.array((0.34, 0.25, 0.18))
TUFTS = 44


def paint_tree(canvas: Canvas, rng: np.random.Generator, tree: Tree, owner: int) -> None:
    """Paint a tree in the colour of its style; a conifer's crown is a cone, the others' are round."""
    camera, light = canvas.camera, canvas.light
    canvas.round_shadow(tree.x, tree.z, 0.9 * tree.radius, 0.35)
    scale = camera.focal / tree.z  # fine pixels a metre
    column, ground = camera.project(tree.x, 0.0, tree.z)
    radius, height = tree.radius * scale, tree.height * scale
    sketch = Sketch(camera, [(column - 1.4 * radius, ground - 1.2 * height), (column + 1.4 * radius, ground)])
    if sketch.empty:
        return
    foot, top = 0.14 * scale, ground - 0.6 * height
    trunk = [(column - foot, ground), (column + foot, ground), (column + 0.6 * foot, top), (column - 0.6 * foot, top)]
    sketch.polygon(trunk, BARK * light.on(0.0, 0.3, -0.95))

    leaves = np.array(style_colour(TREE, tree.style)) * (light.ambient + 0.6 * light.sun)
    is_conifer = style_name(TREE, tree.style) == "conifer"
    if not is_conifer:
        sketch.ellipse((column, ground - 0.68 * height), 0.9 * radius, 0.27 * height, 0.8 * leaves)
    for tuft in range(TUFTS):
        across = rng.uniform(-1, 1)
        if is_conifer:
            up = tuft / (TUFTS - 1)
            middle = (column + across * 0.85 * radius * (1 - up), ground - height * (0.16 + 0.84 * up))
            size, upward = radius * (0.34 - 0.22 * up), 0.5 * up
        else:
            up = rng.uniform(-1, 1)
            across *= float(np.sqrt(1 - up * up))
            middle = (column + across * radius, ground - height * (0.68 + 0.30 * up))
            size, upward = radius * rng.uniform(0.26, 0.42), 0.7 * up
        facing_sun = across * light.sun_direction[0] + upward
        sketch.ellipse(middle, size, 0.85 * size, leaves * (0.92 + 0.30 * facing_sun + rng.uniform(-0.07, 0.07)))
    mask = sketch.mask()
    foliage = 1 + 0.16 * smooth_noise(rng, mask.shape, max(2.0, 0.16 * scale))
    canvas.paint(sketch.box, mask, sketch.colours() * foliage[..., None], owner, tree.z)
