"""The pipeline from a study to a report.

This package may import all other packages of the harness. Only the API and the commands import it.
"""
