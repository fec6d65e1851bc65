"""From a study to a report: wires the rooms below, and holds no logic of its own.

It may import every room below it; only the API and the commands import it.
"""
