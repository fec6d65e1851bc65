"""Hooks of MkDocs, which make one site of the Markdown files of the project."""

from __future__ import annotations

import posixpath
import re
import subprocess
import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
PAGES = {"index.md": "README.md", "changelog.md": "CHANGELOG.md", "contributing.md": "CONTRIBUTING.md"}
"""Page of the site to the file outside docs/ that it shows."""

_LINK = re.compile(r"(!?)\[([^\[\]]*)\]\((?!https?:|#)([^()\s#]+)(#[^()\s]*)?\)")


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages whose source is outside docs/."""
    for page, source in PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    files.append(File.generated(config, "commands.md", content=_command_line()))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Change each link to a path in the repository so that it works on the site."""
    if page.parent is None:
        page.meta["hide"] = ["navigation"]  # the only page of its tab
    uri = page.file.src_uri
    folder = (ROOT / PAGES.get(uri, f"docs/{uri}")).parent

    def change(link: re.Match[str]) -> str:
        image, label, path, anchor = link.groups(default="")
        target = (folder / path).resolve()
        if not target.exists() or not target.is_relative_to(ROOT):
            return link.group()  # MkDocs reports it
        if target.is_dir() and (target / "README.md").is_file():
            target /= "README.md"
        name = target.relative_to(ROOT).as_posix()
        published = {source: site for site, source in PAGES.items()}.get(name, name.removeprefix("docs/"))
        if image and files.get_file_from_path(published) is None:
            files.append(File.generated(config, published, abs_src_path=str(target)))
        if files.get_file_from_path(published) is not None:
            return f"{image}[{label}]({posixpath.relpath(published, posixpath.dirname(uri))}{anchor})"
        if not config.repo_url:
            return label
        kind = "tree" if target.is_dir() else "blob"
        return f"[{label}]({config.repo_url.rstrip('/')}/{kind}/HEAD/{name}{anchor})"

    return _LINK.sub(change, markdown)


def _command_line() -> str:
    """The help of every command as Markdown, made by Typer."""
    typer = [sys.executable, "-m", "typer", "harness.__main__", "utils", "docs"]
    made = subprocess.run(
        [*typer, "--name", "harness", "--title", "Command line"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return made.stdout
