"""What repeated measurements say: estimates of an accuracy, comparisons of two, groups that are not told apart.

It works on arrays and numbers alone, and may import nothing of the harness.
"""
