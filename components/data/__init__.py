"""Datasets on disk, their checks, and the tensors that the models see."""
