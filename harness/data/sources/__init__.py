"""What reads files and fetches them: one module for each format or source.

It may import the values of `harness.data`, the study and the errors.
"""
