"""What every page shares: Markdown and HTML, templates, tables, number formats, and the parts of figures."""
