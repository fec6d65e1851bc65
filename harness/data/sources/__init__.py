"""Readers and downloads of data sets: one module for each format or source.

This package may import the types of `harness.data`, the study and the errors.
"""
