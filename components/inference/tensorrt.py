"""What ONNX Runtime's TensorRT provider is told: where engines are kept and which sizes they are built for."""

import os
from pathlib import Path

from components.inference.bundle import Bundle, Graph

LARGEST_BATCH = 4
INSTANCES = (1, 32, 1024)  # least, usual and most of a picture


def tensorrt_options(bundle: Bundle, graph: Graph) -> dict[str, str]:
    """Options of an engine for a graph.

    It is built for 1 to 4 pictures, from two multiples of the bundle's sizes to twice the height and width of the
    training pictures, and tuned for one of theirs. It is kept in a cache folder of the user, since the bundle may be
    read-only, under the hash of the graph: another graph never finds it.
    """
    sides = (
        (2 * bundle.size_multiple,) * 2,
        bundle.trained_size,
        (2 * bundle.trained_size[0], 2 * bundle.trained_size[1]),
    )
    pictures = (1, 1, LARGEST_BATCH)
    folder = cache_folder() / bundle.files[graph.file.name][:16]
    options = {
        "trt_engine_cache_enable": "True",
        "trt_engine_cache_path": str(folder),
        "trt_timing_cache_enable": "True",
        "trt_timing_cache_path": str(folder),
    }
    for which, name in enumerate(("min", "opt", "max")):
        size = "x".join(map(str, (pictures[which], *sides[which])))
        shapes = {
            "label": size,
            "picture": f"{size}x3",
            "instance": size,
            "styles": f"{pictures[which]}x{INSTANCES[which]}x{bundle.style_dimension}",
        }
        options[f"trt_profile_{name}_shapes"] = ",".join(f"{each}:{shapes[each]}" for each in bundle.inputs)
    if graph.kind is not None:
        options["trt_fp16_enable"] = "True"
    return options


def cache_folder() -> Path:
    """Where engines are kept: below `XDG_CACHE_HOME`, by default `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "semantic-synthesis" / "tensorrt"
