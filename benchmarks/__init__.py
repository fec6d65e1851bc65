"""Benchmarks. Each is a command, `python -m benchmarks.<name>`, that writes to `results/`."""
