"""Terminal output of commands: plan, progress and results; signals and exit codes.

This package may import schedule, training (to count parameters), study and records.
"""
