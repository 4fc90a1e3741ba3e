"""The tests on real servers are not part of every run yet: they take longer than all others together."""

import os
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
VARIABLE = "TEST_STACK"
needs_opt_in = pytest.mark.skipif(VARIABLE not in os.environ, reason=f"on real servers, for minutes: set {VARIABLE}=1")
