"""Saved and exported models, and the checks that every architecture must pass.

This package may import training, data, the study and the records.
"""
