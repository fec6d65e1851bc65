"""The built-in studies, as YAML files in this folder."""
