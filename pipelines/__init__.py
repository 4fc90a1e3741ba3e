"""What runs the library: DVC's stages, MLflow's tracking and registry, Prefect's flows."""

import gc

gc.set_threshold(10_000)  # looking for garbage at each 700 new objects took a quarter of the time of a stage's imports
