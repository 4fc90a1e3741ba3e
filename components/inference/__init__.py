"""Synthesis from a serving bundle, without torch: numpy, pillow and onnxruntime are all it needs."""

from components.inference.bundle import Bundle, BundleClass, BundleError
from components.inference.completion import complete_inputs
from components.inference.connected_components import connected_instances
from components.inference.encoder import StyleEncoder
from components.inference.style_bank import StyleBank
from components.inference.synthesizer import Synthesizer
from components.inference.tiling import synthesize_tiled

__all__ = [
    "Bundle",
    "BundleClass",
    "BundleError",
    "StyleBank",
    "StyleEncoder",
    "Synthesizer",
    "complete_inputs",
    "connected_instances",
    "synthesize_tiled",
]
