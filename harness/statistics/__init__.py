"""What repeated measurements say: estimates of an accuracy, comparisons of pairs, groups of equals.

It works on arrays and numbers alone, and may import nothing of the harness.
"""
