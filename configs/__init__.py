"""The shipped studies, as YAML files beside this one."""
