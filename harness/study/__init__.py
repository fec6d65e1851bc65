"""The study: its schema, reading and writing it as YAML, and search spaces.

This package may import records, errors and architectures.
"""

from harness.study.reading import SHIPPED, Override, load_study, own_or_known, parse_study, study_yaml
from harness.study.registry import find_architecture, know_by_description, load_architecture, load_architectures
from harness.study.schema import (
    DATASETS,
    MAX_TRIALS,
    ArchitectureStudy,
    DatasetStudy,
    EarlyStopping,
    Resources,
    Size,
    Study,
    former_data,
)

__all__ = [
    "DATASETS",
    "MAX_TRIALS",
    "SHIPPED",
    "ArchitectureStudy",
    "DatasetStudy",
    "EarlyStopping",
    "Override",
    "Resources",
    "Size",
    "Study",
    "find_architecture",
    "former_data",
    "know_by_description",
    "load_architecture",
    "load_architectures",
    "load_study",
    "own_or_known",
    "parse_study",
    "study_yaml",
]
