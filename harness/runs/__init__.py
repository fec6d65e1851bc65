"""The run folder: its paths and files, the journal, what is recorded, what can be resumed, where numbers come from.

It may import models, the schedule, data, the study and the records.
"""
