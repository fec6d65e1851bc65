"""Speed, measured side by side: each module is a command, `python -m benchmarks.<name>`, and writes `results/`."""
