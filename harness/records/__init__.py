"""The values that flow from room to room: what a trial is, what it says, how it ended, what a model costs.

It imports nothing but the errors.
"""
