"""What runs the library: DVC's stages, MLflow's tracking and registry, Prefect's flows."""
