"""Synthesis from a serving bundle, without torch: numpy and onnxruntime are all it needs."""

from components.inference.bundle import Bundle, BundleClass, BundleError
from components.inference.style_bank import StyleBank
from components.inference.synthesizer import Synthesizer

__all__ = ["Bundle", "BundleClass", "BundleError", "StyleBank", "Synthesizer"]
