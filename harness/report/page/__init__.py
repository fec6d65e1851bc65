"""Parts that all pages share: Markdown, HTML, tables, number formats and parts of figures.

This package may not import any other part of the report.
"""
