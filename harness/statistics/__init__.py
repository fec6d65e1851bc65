"""Statistics of repeated training: estimates of accuracy, comparisons of pairs, and letters.

This package works on arrays and numbers only. It may import nothing from the rest of the harness.
"""
