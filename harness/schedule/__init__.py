"""Scheduling of trials: the plan, the order of the trials, selection, and the events of a run.

This package may import study and records.
"""
