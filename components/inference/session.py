"""A graph loaded into ONNX Runtime, on the CPU or a GPU."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument

from components.inference.bundle import BundleError
from components.inference.providers import CUDA, TENSORRT, Choice

_log = logging.getLogger(__name__)
_ERRORS = 3  # of ONNX Runtime's log: that some nodes run on the CPU beside a GPU is not worth a warning


class Session:
    """One graph with one output. Several threads may share it: calls at the same time share its threads.

    Args:
        graph: the ONNX file.
        inputs: names that it must have.
        choice: the providers.
        threads: how many threads a call may use; None takes one a core.
        tensorrt: options of that provider.

    Raises:
        BundleError: the graph has other inputs.
        ValueError: `threads` is below 1, or a provider that was asked for does not work here.
    """

    def __init__(
        self,
        graph: Path,
        inputs: tuple[str, ...],
        choice: Choice,
        *,
        threads: int | None,
        tensorrt: Mapping[str, str] | None = None,
    ) -> None:
        if threads is not None and threads < 1:
            raise ValueError(f"threads: found {threads}, expected 1 or more")
        self.graph, self.threads = graph, threads
        options = {TENSORRT: dict(tensorrt or {})}
        providers = [(name, options.get(name, {})) for name in choice.names]
        self._session = onnxruntime.InferenceSession(graph, _session_options(threads), providers=providers)
        self.providers: tuple[str, ...] = tuple(self._session.get_providers())
        self.unused = dict(choice.unused)
        if self.providers[0] != choice.names[0]:
            self.unused[choice.names[0]] = "its libraries do not load, as ONNX Runtime's log says"
            if choice.asked:
                raise ValueError(f"providers: found {list(self.providers)} working here, expected {choice.names[0]}")
            _log.warning("%s does not work here; using %s", choice.names[0], self.providers[0])
        found = {entry.name for entry in self._session.get_inputs()}
        if found != set(inputs):
            raise BundleError(f"{graph}: found inputs {sorted(found)}, expected {sorted(inputs)}")

    @property
    def on_gpu(self) -> bool:
        """Whether a GPU does the work."""
        return self.providers[0] in (CUDA, TENSORRT)

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """Give the output for these inputs, which are not changed.

        Raises:
            ValueError: the graph cannot take their shapes, as where reflection padding needs a larger picture.
        """
        try:
            if self.on_gpu:
                return self.run_bound(inputs, "cuda")
            return np.asarray(self._session.run(None, dict(inputs))[0])
        except InvalidArgument as error:
            shapes = {name: array.shape for name, array in inputs.items()}
            raise ValueError(f"{self.graph.name}: found {shapes}, expected larger pictures: {error}") from error

    def run_bound(self, inputs: Mapping[str, NDArray[Any]], device: str) -> NDArray[Any]:
        """The same with inputs and output in the memory of a device: each is copied once, whoever reads it there."""
        binding = self._session.io_binding()
        for name, array in inputs.items():
            binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(array, device, 0))
        binding.bind_output(self._session.get_outputs()[0].name, device, 0)
        self._session.run_with_iobinding(binding)
        return np.asarray(binding.get_outputs()[0].numpy())

    def report(self) -> str:
        """Say in a line what runs on what, and in a line each why a better provider is not used."""
        threads = "one thread a core" if self.threads is None else f"threads: {self.threads}"
        lines = [f"{self.graph.name}: {self.providers[0]}, ONNX Runtime {onnxruntime.__version__}, {threads}"]
        return "\n".join(lines + [f"{name} is not used: {reason}" for name, reason in self.unused.items()])


def _session_options(threads: int | None) -> Any:
    """What measured better than the defaults (docs/inference.md)."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ERRORS
    if threads is not None:
        options.intra_op_num_threads = threads
    # Threads that wait in a loop gain nothing here, and take the cores from whoever shares them.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # A plan of all memory for each size that comes takes a tenth to a fifth more of it, and saves no time.
    options.enable_mem_pattern = False
    return options
