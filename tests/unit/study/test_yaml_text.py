"""Tests of reading and writing YAML."""

from __future__ import annotations

import pytest

from harness.study.yaml_text import YamlTextError, read_yaml, write_yaml


def test_plain_yaml_is_read() -> None:
    """Aliases and merges of usual size are resolved."""
    assert read_yaml("") is None
    assert read_yaml("a: &x {grid: [1, 2e-3, true, yes]}\nb: *x") == {
        "a": {"grid": [1, 0.002, True, "yes"]},
        "b": {"grid": [1, 0.002, True, "yes"]},
    }
    assert read_yaml("base: &b {epochs: 1, units: 8}\nmlp: {<<: *b, units: 16}")["mlp"] == {"epochs": 1, "units": 16}


LAUGHS = "\n".join(["a0: &a0 [1]", *(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10))])

MERGES = "\n".join(
    ["a0: &a0 {k: 1}", *(f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 10)}]}}" for i in range(1, 10))]
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("confirm: {seeds: 1}\nname: x\nconfirm: {seeds: 2}", 'duplicate key "confirm"'),
        ("a: [1", "expected ',' or ']'"),
        ("a: !!python/object/apply:os.system [true]", "could not determine a constructor"),
        ("a: *nothing", "undefined alias"),
        ("&a [*a]", "expands to more than 100,000 values in line 1"),
        ("[" * 5000, "nested too deeply"),
        (LAUGHS, "expands to more than 100,000 values"),
        ("a: " + "9" * 5000, "more than 18 digits"),
        ("a: 0x" + "f" * 5000, "more than 18 digits"),
        (MERGES, "expands to more than 100,000 values"),
        ("a: -9223372036854775808", "more than 18 digits"),
        ("? {a: 1}\n: 2", "unhashable key"),
        ("a: 2001-99-99", "month must be in 1..12"),
        ("a: !!binary x", "base64"),
        ("a: \x00", "special characters are not allowed"),
    ],
)
def test_dangerous_or_ambiguous_yaml_is_refused(text: str, said: str) -> None:
    """Duplicate keys, code, exponential expansion and huge numbers are errors of one line."""
    with pytest.raises(YamlTextError) as caught:
        read_yaml(text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["1e3", "1e-5", "0o7", "08", "yes", "no", "null", "~", "=", "2026-01-01", "a: b", "é\u2028x", " x\ny\n"]
)
def test_written_values_are_read_unchanged(text: str) -> None:
    """Text that looks like a number stays text, and keys keep their order."""
    value = {"z": text, "a": [1e-5, 1e300, 3.0, 7, None, True], text: {}}
    again = read_yaml(write_yaml(value))
    assert again == value
    assert list(again) == list(value)
