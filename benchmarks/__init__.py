"""What measures agreement, speed and memory; run as `python -m benchmarks.NAME`."""
