"""Tests that a new section needs one folder and one line of the list."""

from __future__ import annotations

import base64
import importlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from synthetic_run import SyntheticRun

from harness.report.section import Section
from harness.report.sections import SECTIONS
from harness.report.write import write_report

FILES = {
    "values.py": '''
def attempts(findings):
    """Architecture to how many workers its trials were given."""
    counts = dict.fromkeys(findings.titles, 0)
    for record in findings.run.records:
        counts[record.spec.architecture] += record.attempts
    return counts
''',
    "figure.py": '''
from harness.report.page.canvas import new_figure


def draw_attempts(counts):
    """A bar for each architecture."""
    figure = new_figure(4, 3)
    figure.add_subplot().bar(list(counts), list(counts.values()))
    return figure
''',
    "section.md.j2": """## Attempts of {{ study.name }}

{{ attempts | table }}

{{ figures.attempts | image("Attempts of each architecture") }}
""",
    "__init__.py": '''
from attempts_section.figure import draw_attempts
from attempts_section.values import attempts

from harness.report.page.table import make_table
from harness.report.section import Section


def attempts_table(counts, titles):
    """One row for each architecture."""
    rows = [{"Net": titles[name], "Attempts": str(number)} for name, number in counts.items()]
    return make_table(rows, {"Net"})


SECTION = Section(
    __name__,
    lambda findings: {"attempts": attempts_table(findings.of(attempts), findings.titles)},
    lambda findings: {"attempts": draw_attempts(findings.of(attempts))},
    results=lambda findings: {"attempts": findings.of(attempts)},
)
''',
}


@pytest.fixture
def new_section(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Section]:
    """A section with values, a table, a figure and a text, in a folder outside the project."""
    folder = tmp_path / "sections" / "attempts_section"
    folder.mkdir(parents=True)
    for name, content in FILES.items():
        (folder / name).write_text(content, encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder.parent))
    yield importlib.import_module("attempts_section").SECTION
    for name in [name for name in sys.modules if name.startswith("attempts_section")]:
        del sys.modules[name]


def test_a_new_section_is_one_folder_and_one_line(new_section: Section, tmp_path: Path) -> None:
    """A new section is in both pages, in results.json and in the figures folder."""
    run = SyntheticRun(architectures=("simple_cnn", "lenet5"), samples=2, epochs=3, seeds=2, test_images=400)
    folder = run.write(tmp_path / "run")
    sections = (*SECTIONS[:1], new_section, *SECTIONS[1:])
    page = write_report(folder, sections).read_text(encoding="utf-8")
    html = (folder / "report.html").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", page, re.MULTILINE)
    assert headings[:3] == ["Summary", "Attempts of synthetic", "Accuracy"]
    assert re.findall(r'<h2 id="[^"]+">([^<]+)</h2>', html) == headings
    counts = json.loads((folder / "results.json").read_text(encoding="utf-8"))["attempts"]
    assert counts["lenet5"] == 5  # three search trials and two confirm trials
    assert re.search(r"^\| LeNet-5 +\| +5 \|$", page, re.MULTILINE)
    assert '<td>LeNet-5</td>\n<td class="number">5</td>' in html
    assert "![Attempts of each architecture](figures/attempts.png)" in page
    drawn = base64.b64encode((folder / "figures" / "attempts.png").read_bytes()).decode()
    assert f'src="data:image/png;base64,{drawn}"' in html
