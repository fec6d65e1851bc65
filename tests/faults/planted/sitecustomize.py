"""Registers the planted architectures in every process that has this folder on its PYTHONPATH, workers included."""

import os

if os.environ.get("PLANTED_ARCHITECTURES"):
    import planted_architectures

    planted_architectures.register()
