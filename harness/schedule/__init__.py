"""From a study to trials: the plan, which trial comes next, which configuration is selected, and the events of a run.

It may import the study and the records.
"""
