"""The classes of the street scenes and the styles in which each of them is drawn."""

from components.data.dataset import ClassInfo

Colour = tuple[float, float, float]

SKY, BUILDING, TREE, ROAD, PAVEMENT, CAR, PEDESTRIAN = range(7)

CLASSES: tuple[ClassInfo, ...] = (
    ClassInfo(SKY, "sky", (70, 130, 180)),
    ClassInfo(BUILDING, "building", (70, 70, 70), has_instances=True),
    ClassInfo(TREE, "tree", (107, 142, 35), has_instances=True),
    ClassInfo(ROAD, "road", (128, 64, 128)),
    ClassInfo(PAVEMENT, "pavement", (244, 35, 232)),
    ClassInfo(CAR, "car", (0, 0, 142), has_instances=True),
    ClassInfo(PEDESTRIAN, "pedestrian", (220, 20, 60), has_instances=True),
)

# By class: the name of each style and its own colour (RGB, 0..1), before light and texture.
# A style's index in `true_styles.json` is its position here.
STYLES: dict[int, dict[str, Colour]] = {
    SKY: {"clear": (0.30, 0.54, 0.88), "overcast": (0.66, 0.69, 0.73), "sunset": (0.45, 0.36, 0.60)},
    BUILDING: {
        "brick": (0.66, 0.22, 0.16),
        "cream": (0.95, 0.91, 0.82),
        "glass": (0.24, 0.46, 0.62),
        "ochre": (0.93, 0.64, 0.18),
    },
    TREE: {
        "leafy": (0.32, 0.56, 0.17),
        "conifer": (0.11, 0.32, 0.23),
        "autumn": (0.84, 0.43, 0.11),
        "blossom": (0.93, 0.66, 0.75),
    },
    ROAD: {"asphalt": (0.31, 0.32, 0.35), "cobble": (0.52, 0.42, 0.33), "concrete": (0.69, 0.69, 0.66)},
    PAVEMENT: {"slabs": (0.80, 0.76, 0.68), "brick": (0.66, 0.38, 0.31), "slate": (0.42, 0.46, 0.52)},
    CAR: {
        "red": (0.80, 0.10, 0.10),
        "white": (0.94, 0.94, 0.93),
        "black": (0.12, 0.12, 0.14),
        "blue": (0.12, 0.32, 0.76),
        "yellow": (0.97, 0.78, 0.10),
    },
    PEDESTRIAN: {
        "crimson": (0.80, 0.14, 0.22),
        "mustard": (0.94, 0.72, 0.16),
        "teal": (0.10, 0.58, 0.60),
        "charcoal": (0.20, 0.20, 0.24),
    },
}


def style_name(class_index: int, style: int) -> str:
    """Give the name of a class's style by its index in `true_styles.json`."""
    return list(STYLES[class_index])[style]


def style_colour(class_index: int, style: int) -> Colour:
    """Give the own colour of a class's style: RGB, 0..1."""
    return list(STYLES[class_index].values())[style]
