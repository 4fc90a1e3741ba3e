"""The default dataset: small generated street scenes whose true styles are known."""

from components.data.street_scenes.catalogue import CLASSES, STYLES
from components.data.street_scenes.writer import StreetScenesConfig, write_street_scenes

__all__ = ["CLASSES", "STYLES", "StreetScenesConfig", "write_street_scenes"]
