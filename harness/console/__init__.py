"""What a person sees while a command runs, and how commands end: progress, signals, exit codes.

It may import the schedule, training (to count parameters), the study and the records.
"""
