"""Trained models outside of a run: saved, deployed, and the contract that every architecture keeps.

It may import training, data, the study and the records.
"""
