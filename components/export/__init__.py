"""The serving bundle: one ONNX graph from ids to pixels and all that a client must know of it."""
