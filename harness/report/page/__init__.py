"""What every page shares: Markdown and HTML, templates, tables, number formats, and the parts of figures.

It knows no run: it may import nothing else of the report.
"""
