"""Types that the packages exchange: specifications, messages, results and costs.

This package imports only the errors.
"""
