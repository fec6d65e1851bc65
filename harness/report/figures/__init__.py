"""The figures of the report: each is one function that computes its values, and one that draws them."""
