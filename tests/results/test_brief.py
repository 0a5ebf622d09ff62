"""The brief: what a report found, on one sheet of paper."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from report_cases import COMMANDS, Seen

from valign.cli.app import main

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def words(folder: Path, name: str) -> str:
    """Text of a page that people see, on one line."""
    page = re.sub(r"<(style|svg)\b.*?</\1>", " ", (folder / name).read_text("utf-8"), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", "", page).split())


@pytest.fixture(scope="module")
def briefs(reports: dict[str, Path]) -> dict[str, Path]:
    for folder in reports.values():
        assert main(["report", str(folder), "--brief", "--quiet"]) == 0
    return reports


@pytest.mark.parametrize("command", COMMANDS)
def test_a_brief_says_in_short_what_the_report_says(briefs: dict[str, Path], command: str) -> None:
    folder = briefs[command]
    report, brief = words(folder, "report.html"), words(folder, "brief.html")
    seen = Seen((folder / "brief.html").read_text("utf-8"))
    assert [heading for _, heading in seen.headings][1:3] == ["How sure this is", "What not to conclude"]
    assert len(seen.figures) == 1
    assert not seen.tags & {"script", "link", "iframe", "img"}
    page = (folder / "brief.html").read_text("utf-8")
    headline = re.search(r'<p class="headline">(.*?)</p>', page, re.DOTALL)
    assert headline is not None
    assert any(each.isdigit() for each in headline[1]), "a headline has its number"
    for sentence in (headline[1], *re.findall(r"<li>(.*?)</li>", page, re.DOTALL)):
        assert " ".join(re.sub(r"<[^>]+>", "", sentence).split()) in report
    assert len(brief) < 0.6 * len(report)


def test_a_brief_draws_what_it_shows(briefs: dict[str, Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(briefs["run"], tmp_path / "copy"))
    drawn = sorted(path.name for path in folder.glob("*.svg"))
    for path in folder.glob("*.svg"):
        path.unlink()
    assert main(["report", str(folder), "--brief", "--quiet"]) == 0
    assert [path.name for path in folder.glob("*.svg")] == ["run.svg"]
    assert len(drawn) > 3


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None and not os.environ.get("CI"), reason="there is no Chromium")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_brief_is_one_sheet(briefs: dict[str, Path], command: str, tmp_path: Path) -> None:
    assert CHROMIUM is not None
    sheet = tmp_path / "brief.pdf"
    asked = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
    asked += [f"--print-to-pdf={sheet}", (briefs[command] / "brief.html").as_uri()]
    subprocess.run(asked, check=True, capture_output=True, timeout=120, env={**os.environ, "HOME": str(tmp_path)})
    assert len(re.findall(rb"/Type\s*/Page\b", sheet.read_bytes())) == 1
    page = (briefs[command] / "brief.html").read_text("utf-8")
    size = "const { scrollHeight, clientHeight } = document.querySelector('main')"
    told = f"<script>{size}; document.title = `${{scrollHeight - clientHeight}} cut`</script>"
    (tmp_path / "told.html").write_text(page.replace("</body>", f"{told}</body>"), "utf-8")
    asked = [*asked[:-2], "--window-size=900,1300", "--dump-dom", (tmp_path / "told.html").as_uri()]
    seen = subprocess.run(
        asked, check=True, capture_output=True, timeout=120, env={**os.environ, "HOME": str(tmp_path)}
    )
    assert b"<title>0 cut</title>" in seen.stdout, "more than a sheet has room for"
