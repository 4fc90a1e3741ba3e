"""Prefect flows. Prefect reads its settings when it is imported, so those that we need are given here first."""

import os

# its own server takes over 20 s, Prefect's limit, on the first start of a slow or busy machine
os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "300")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("DO_NOT_TRACK", "1")
