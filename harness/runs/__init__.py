"""The run folder: paths, files, journal, recording, resuming and provenance.

This package may import models, schedule, data, study and records.
"""
