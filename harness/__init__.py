"""A benchmark harness for image classifiers: search on validation data, confirm with fresh seeds, report."""

__version__ = "0.1.0"
