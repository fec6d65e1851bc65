"""Tests of the HTML report in headless Chromium."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.report.page.html import render_html
from harness.report.page.markdown import markdown_table
from harness.report.page.table import Table

pytestmark = pytest.mark.browser

REFERENCE = Path(__file__).parents[2] / "reports" / "reference"
NAMES = ("chromium", "chromium-browser", "google-chrome")
POLICY = re.compile(r"<meta http-equiv=\"Content-Security-Policy\"[^>]*>")
LIGHT, DARK = "--blink-settings=preferredColorScheme=1", "--blink-settings=preferredColorScheme=0"
WHITE, NEARLY_BLACK = "rgb(255, 255, 255)", "rgb(21, 24, 28)"

# Columns, and the order of their rows after one click and after two clicks on the header.
COLUMNS = {
    "Spread": (
        ["99.55 ± 0.05", "101.20 ± 0.07", "no result", "9.43"],
        ["9.43", "99.55 ± 0.05", "101.20 ± 0.07", "no result"],
        ["101.20 ± 0.07", "99.55 ± 0.05", "9.43", "no result"],
    ),
    "Signed": (
        ["−0.02", "+0.11", "–", "−0.12"],
        ["−0.12", "−0.02", "+0.11", "–"],
        ["+0.11", "−0.02", "−0.12", "–"],
    ),
    "Thousands": (
        ["1,234.5", "999", "12,000", "0"],
        ["0", "999", "1,234.5", "12,000"],
        ["12,000", "1,234.5", "999", "0"],
    ),
    "Magnitude": (
        ["5.02 M", "417 k", "1.10 G", "840"],
        ["840", "417 k", "5.02 M", "1.10 G"],
        ["1.10 G", "5.02 M", "417 k", "840"],
    ),
    "Share": (
        ["74 %", "8 %", "–", "100 %"],
        ["8 %", "74 %", "100 %", "–"],
        ["100 %", "74 %", "8 %", "–"],
    ),
    "Interval": (
        ["99.49–99.61", "98.89–99.07", "100.00–100.00", "–"],
        ["98.89–99.07", "99.49–99.61", "100.00–100.00", "–"],
        ["100.00–100.00", "99.49–99.61", "98.89–99.07", "–"],
    ),
    "Probability": (
        ["0.001", "< 0.001", "0.245", "1.00 (0.57–1.00)"],
        ["< 0.001", "0.001", "0.245", "1.00 (0.57–1.00)"],
        ["1.00 (0.57–1.00)", "0.245", "0.001", "< 0.001"],
    ),
    "Word": (
        ["b", "–", "Ä", "c"],
        ["Ä", "b", "c", "–"],
        ["c", "b", "Ä", "–"],
    ),
    "Class": (
        ["10", "9", "1", "2"],
        ["1", "2", "9", "10"],
        ["10", "9", "2", "1"],
    ),
}
WORDS = frozenset({"Word", "Class"})


class Result(HTMLParser):
    """Parser of the result that the probe writes to the body of a page."""

    value: Any = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs).get("data-result")
        if tag == "body" and found is not None:
            self.value = json.loads(found)


Browse = Callable[..., tuple[str, list[str]]]


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the browser."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is on the PATH")
    return found


@pytest.fixture
def browse(chromium: str, tmp_path: Path) -> Browse:
    """A function that loads a page and returns the final page and the console messages."""

    def load(page: str, *options: str) -> tuple[str, list[str]]:
        file = tmp_path / "report.html"
        file.write_text(page, encoding="utf-8")
        done = subprocess.run(
            [
                chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--v=0",
                f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=3000", *options, "--dump-dom",
                file.as_uri(),
            ],
            capture_output=True, encoding="utf-8", check=True,
        )  # fmt: skip
        return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]

    return load


@pytest.fixture
def probe(browse: Browse) -> Callable[..., Any]:
    """A function that runs a script in a page without its policy and returns the result."""

    def run(page: str, body: str, *options: str, before: str = "") -> Any:
        open_page, policies = POLICY.subn(f"<script>{before}</script>", page)
        assert policies == 1
        script = f"(async () => {{ {body} }})().then((result) => document.body.dataset.result = JSON.stringify(result))"
        test = f"<script>addEventListener('load', () => {script});</script>"
        dom, console = browse(open_page.replace("</body>", f"{test}</body>"), *options)
        assert console == []
        result = Result()
        result.feed(dom)
        assert result.value is not None, "the probe has not come to its end"
        return result.value

    return run


@pytest.fixture(scope="module")
def reference() -> str:
    """The published report."""
    images = {f"figures/{path.name}": path.read_bytes() for path in (REFERENCE / "figures").glob("*.png")}
    return render_html("Reference", (REFERENCE / "report.md").read_text(encoding="utf-8"), images)


@pytest.fixture(scope="module")
def sorting_page() -> str:
    """A page with one table of all columns and the position of each row."""
    frame = pd.DataFrame({name: values for name, (values, _, _) in COLUMNS.items()})
    frame["Tie"] = ["2", "1", "2", "1"]
    frame["Place"] = ["1", "2", "3", "4"]
    return render_html("Sorting", f"## Table\n\n{markdown_table(Table(frame, WORDS))}\n", {})


def test_the_page_is_silent_under_its_policy(browse: Browse, reference: str) -> None:
    """The page causes no error and no violation of its content security policy."""
    dom, console = browse(reference)
    assert console == []
    assert "<dialog>" in dom, "the script of the page has not run"


def test_a_page_of_text_alone_is_silent_too(browse: Browse) -> None:
    """The script causes no error on a page without sections, tables and figures."""
    dom, console = browse(render_html("Text", "only text", {}))
    assert console == []
    assert 'aria-pressed="false">' in dom, "the button is still hidden: the script of the page has not run"


def test_what_is_put_into_the_page_is_refused(browse: Browse, reference: str) -> None:
    """The policy refuses a script, a style and an image that the renderer did not write."""
    stranger = (
        "<script>document.title = 'taken'</script><p style='color: red'>x</p>"
        "<img src='https://example.invalid/a.png' onerror=\"document.title = 'taken'\">"
    )
    dom, console = browse(reference.replace("</main>", f"{stranger}</main>"))
    assert "<title>Reference</title>" in dom
    refused = " ".join(console)
    assert all(directive in refused for directive in ("script-src", "style-src", "img-src")), console


CLICK_EVERY_HEADER = """
    const table = document.querySelector("table");
    const headers = [...table.tHead.rows[0].cells];
    const click = (column) => {
        headers[column].querySelector("button").click();
        return {
            column: [...table.tBodies[0].rows].map((row) => row.cells[column].textContent),
            places: [...table.tBodies[0].rows].map((row) => row.cells[row.cells.length - 1].textContent),
            states: headers.map((header) => header.getAttribute("aria-sort")),
        };
    };
    const clicks = headers.map((_, column) => [click(column), click(column), click(column)]);
    const left = headers.findIndex((header) => header.textContent === "Word");
    click(0);
    return {
        clicks: Object.fromEntries(headers.map((header, column) => [header.textContent, clicks[column]])),
        other: click(left).states.filter((state) => state !== null),
    };
"""


def test_a_header_sorts_its_column_up_down_and_back(probe: Callable[..., Any], sorting_page: str) -> None:
    """Numbers sort by value and words by language, with missing values last.

    The third click restores the order.
    """
    result = probe(sorting_page, CLICK_EVERY_HEADER)
    for name, (original, ascending, descending) in COLUMNS.items():
        columns = [click["column"] for click in result["clicks"][name]]
        assert columns == [ascending, descending, original], name
    assert all(clicks[2]["places"] == ["1", "2", "3", "4"] for clicks in result["clicks"].values())


def test_rows_of_one_value_keep_their_order(probe: Callable[..., Any], sorting_page: str) -> None:
    """Sorting is stable in both directions."""
    ties = probe(sorting_page, CLICK_EVERY_HEADER)["clicks"]["Tie"]
    assert [click["places"] for click in ties[:2]] == [["2", "4", "1", "3"], ["1", "3", "2", "4"]]


def test_the_sorted_column_says_so(probe: Callable[..., Any], sorting_page: str) -> None:
    """aria-sort has the direction, for one column at a time."""
    result = probe(sorting_page, CLICK_EVERY_HEADER)
    for clicks in result["clicks"].values():
        states = [[state for state in click["states"] if state is not None] for click in clicks]
        assert states == [["ascending"], ["descending"], []]
    assert result["other"] == ["ascending"]


# The browser writes localStorage in another process, so a reload by a script can come before it.
AT_ONCE = "Object.defineProperty(window, 'localStorage', { value: sessionStorage });"
THEME = """
    const button = document.querySelector("button.theme");
    const state = () => [button.getAttribute("aria-pressed"), getComputedStyle(document.body).backgroundColor];
    if (sessionStorage.getItem("before") === null) {
        const before = state();
        button.click();
        sessionStorage.setItem("before", JSON.stringify([button.hidden, before, state()]));
        location.reload();
        return new Promise(() => {});
    }
    return [...JSON.parse(sessionStorage.getItem("before")), state()];
"""


@pytest.mark.parametrize(
    ("system", "first", "second"),
    [
        (LIGHT, ["false", WHITE], ["true", NEARLY_BLACK]),
        (DARK, ["true", NEARLY_BLACK], ["false", WHITE]),
    ],
)
def test_the_theme_follows_the_system_until_the_reader_chooses(
    probe: Callable[..., Any], sorting_page: str, system: str, first: list[str], second: list[str]
) -> None:
    """The theme of the system is the default. The choice of the reader is kept after a reload."""
    assert probe(sorting_page, THEME, system, before=AT_ONCE) == [False, first, second, second]


def test_the_theme_changes_where_storage_is_refused(probe: Callable[..., Any], sorting_page: str) -> None:
    """Without storage, the button works and no error is reported."""
    refuse = (
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError') } })"
    )
    clicked = """
        const button = document.querySelector("button.theme");
        button.click();
        return [button.getAttribute("aria-pressed"), getComputedStyle(document.body).backgroundColor];
    """
    assert probe(sorting_page, clicked, LIGHT, before=refuse) == ["true", NEARLY_BLACK]


@pytest.mark.parametrize(
    ("window", "width"),
    [
        ("1400,1000", "Math.min(0.96 * innerWidth - 32, (0.94 * innerHeight - 32) * image.width / image.height)"),
        ("500,900", "44 * 16"),
    ],
)
def test_a_figure_is_enlarged_and_put_back(probe: Callable[..., Any], reference: str, window: str, width: str) -> None:
    """A button on every figure enlarges it. A click closes it and restores the focus."""
    result = probe(
        reference,
        f"""
        const buttons = [...document.querySelectorAll("figure button")];
        const dialog = document.querySelector("dialog");
        const image = buttons[1].querySelector("img");
        const figures = document.querySelectorAll("figure").length;
        const expected = {width};
        buttons[1].focus();
        buttons[1].click();
        const large = dialog.querySelector("img");
        const fits = Math.abs(large.getBoundingClientRect().width - expected) < 5 && expected > image.width;
        const opened = [dialog.open, large.src === image.src, large.alt === image.alt, fits];
        large.click();
        const named = buttons[1].getAttribute("aria-label") === `Enlarge: ${{image.alt}}`;
        return [buttons.length === figures, opened, dialog.open, document.activeElement === buttons[1], named];
        """,
        f"--window-size={window}",
    )
    assert result == [True, [True] * 4, False, True, True]


def test_print_opens_what_is_closed_and_closes_it_again(probe: Callable[..., Any], reference: str) -> None:
    """All details are open for printing.

    After that, only those that the reader had opened are open.
    """
    result = probe(
        reference,
        """
        const all = [...document.querySelectorAll("details")];
        const open = () => all.filter((details) => details.open).length;
        all[0].open = true;
        dispatchEvent(new Event("beforeprint"));
        const printed = open();
        dispatchEvent(new Event("afterprint"));
        return [all.length === printed, open(), all[0].open];
        """,
    )
    assert result == [True, 1, True]


def test_the_contents_mark_where_the_reader_is(probe: Callable[..., Any], reference: str) -> None:
    """Only the link of the visible section is marked as current."""
    result = probe(
        reference,
        """
        const current = () => [...document.querySelectorAll("nav [aria-current]")].map((link) => link.textContent);
        const top = current();
        const heading = document.querySelectorAll("h2")[3];
        heading.scrollIntoView();
        dispatchEvent(new Event("scroll")); // the browser sends it with the next frame, which may never be drawn
        return [top, [document.querySelector("h2").textContent], current(), [heading.textContent]];
        """,
        "--window-size=1400,900",
    )
    top, first, scrolled, fourth = result
    assert top == first
    assert scrolled == fourth != first


@pytest.mark.parametrize("width", [500, 800, 1400])
def test_only_tables_scroll_sideways(probe: Callable[..., Any], reference: str, width: int) -> None:
    """The page fits into any width. Wider tables scroll in their own box."""
    result = probe(
        reference,
        """
        document.querySelectorAll("details").forEach((details) => (details.open = true));
        const wide = [...document.querySelectorAll(".scroll")].filter((box) => box.scrollWidth > box.clientWidth);
        const page = document.documentElement;
        return [innerWidth, page.scrollWidth <= page.clientWidth, wide.length > 0];
        """,
        f"--window-size={width},900",
    )
    assert result[:2] == [width, True]
    assert result[2] or width > 500
