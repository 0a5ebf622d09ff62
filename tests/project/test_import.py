"""The layers, the cheap import, and the three ways of having the package: checkout, editable install, wheel."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

FOLDERS = ("model", "experiments", "calibration", "results")
ALLOWED = {
    "model": {"model"},
    "results": {"results"},
    "experiments": {"experiments", "model", "results"},
    "calibration": {"calibration", "experiments", "model", "results"},
}


def imported(path: Path, package: list[str]) -> Iterator[tuple[int, list[str]]]:
    """(line, parts of the module's full name) of every import in a file, wherever it stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = base + (node.module.split(".") if node.module else [])
            yield node.lineno, module
            if module == ["valign"]:
                yield from ((node.lineno, ["valign", alias.name]) for alias in node.names)


@pytest.mark.parametrize("folder", FOLDERS)
def test_arrows_point_one_way(root: Path, folder: str) -> None:
    wrong = []
    for path in sorted((root / folder).rglob("*.py")):
        package = ["valign", *path.relative_to(root).parent.parts]
        for line, name in imported(path, package):
            where = f"{path.relative_to(root)}:{line} imports {'.'.join(name)}"
            if name[0] in FOLDERS:
                wrong.append(f"{where}: write valign.{name[0]}")
            elif name[0] == "valign" and len(name) > 1 and name[1] not in ALLOWED[folder]:
                wrong.append(where)
    assert not wrong, "\n".join(wrong)


def python(code: str, *, path: Path, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        text=True,
        capture_output=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(path)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_import_is_cheap(root: Path, tmp_path: Path) -> None:
    heavy = ("numpy", "pandas", "numba", "mesa", "matplotlib", "scipy", "pydantic", "rich", "typer")
    for module, may in (("valign", set()), ("valign.cli.app", {"typer", "rich", "pydantic"})):  # what Typer brings
        code = f"import {module}, sys; print([name for name in {heavy} if name in sys.modules])"
        assert set(ast.literal_eval(python(code, path=root, cwd=tmp_path))) <= may


def test_every_public_name_is_there(root: Path) -> None:
    import valign

    for name in valign.__all__:
        assert getattr(valign, name) is not None
    assert set(valign.__all__) <= set(dir(valign))


def test_an_unknown_name_gets_the_nearest() -> None:
    import valign

    with pytest.raises(AttributeError, match="did you mean 'simulate'"):
        _ = valign.simulat


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """A user's folder with a model.py, an experiments package and a plain results folder of its own."""
    (tmp_path / "mine" / "experiments").mkdir(parents=True)
    (tmp_path / "mine" / "results").mkdir()
    (tmp_path / "mine" / "model.py").write_text("MINE = True\n")
    (tmp_path / "mine" / "experiments" / "__init__.py").write_text("MINE = True\n")
    return tmp_path / "mine"


CHECK = """
import model, experiments
import valign, valign.model.parameters, valign.results.summaries, valign.experiments
assert model.MINE and experiments.MINE
print(valign.model.parameters.__file__)
"""
PLAIN_FOLDER = """
import os, results
assert [os.path.abspath(path) for path in results.__path__] == [os.path.abspath("results")]
"""


def test_checkout_beside_ones_own_names(root: Path, beside: Path) -> None:
    assert Path(python(CHECK, path=root, cwd=beside)).resolve() == root / "model" / "parameters.py"


def test_checkout_without_links(root: Path, beside: Path, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    (checkout / "valign").mkdir(parents=True)
    for path in (root / "valign").glob("*.py"):
        shutil.copy(path, checkout / "valign")
    for folder in FOLDERS:
        (checkout / "valign" / folder).write_text(f"../{folder}")  # how git lays out a link where there are none
        shutil.copytree(root / folder, checkout / folder, ignore=shutil.ignore_patterns("__pycache__"))
    where = Path(python(CHECK, path=checkout, cwd=beside))
    assert where == checkout / "model" / "parameters.py"


def built(root: Path, folder: Path, version: str) -> zipfile.ZipFile:
    pytest.importorskip("hatchling")
    from hatchling.builders.wheel import WheelBuilder

    return zipfile.ZipFile(next(WheelBuilder(str(root)).build(directory=str(folder), versions=[version])))


def test_wheel_holds_the_real_folders(root: Path, beside: Path, tmp_path: Path) -> None:
    wheel = built(root, tmp_path / "wheel", "standard")
    names = wheel.namelist()
    assert len(names) == len(set(names))
    for folder in FOLDERS:
        for path in (root / folder).rglob("*"):
            if path.suffix in (".py", ".toml", ".csv"):
                assert f"valign/{path.relative_to(root).as_posix()}" in names
    assert not [name for name in names if name.split("/")[0] not in ("valign", "valign-0.2.0.dist-info")]
    wheel.extractall(tmp_path / "installed")
    where = Path(python(CHECK + PLAIN_FOLDER, path=tmp_path / "installed", cwd=beside).splitlines()[-1])
    assert where == tmp_path / "installed" / "valign" / "model" / "parameters.py"


def test_editable_install_points_at_the_checkout(root: Path, beside: Path, tmp_path: Path) -> None:
    pytest.importorskip("editables")
    wheel = built(root, tmp_path / "wheel", "editable")
    assert not [name for name in wheel.namelist() if name.startswith("valign/")], "a copy would hide the checkout"
    wheel.extractall(tmp_path / "installed")
    starter = next((tmp_path / "installed").glob("*.pth")).read_text()
    where = Path(python(starter + "\n" + CHECK + PLAIN_FOLDER, path=tmp_path / "installed", cwd=beside))
    assert where.resolve() == root / "model" / "parameters.py"
