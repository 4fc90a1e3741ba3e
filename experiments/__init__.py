"""The paper's tables as a second DVC graph over the stages of `pipelines`, and their report."""
