"""What it costs, measured beside its peers on the same bytes in the same run. `python -m benchmarks` runs all."""
