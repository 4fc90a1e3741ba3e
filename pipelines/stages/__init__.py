"""One entry point a stage of `dvc.yaml`; each takes its paths from there and its parameters from `params.yaml`."""
