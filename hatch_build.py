"""Puts the top-level folders into wheels as packages of `valign`; an editable install uses the checkout's links.

A wheel carries the kernels as WebAssembly; one that was made from other kernels would be of no use, so none is built.
"""

import importlib.util
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDERS = ("model", "experiments", "calibration", "results")


class Folders(BuildHookInterface):
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "standard":
            if why := _stale(Path(self.root) / "model" / "compiled"):
                raise RuntimeError(f"{why}: run `make wasm` and commit model/compiled/month.*")
            build_data["force_include"] = {folder: f"valign/{folder}" for folder in FOLDERS}


def _stale(folder: Path) -> str:
    spec = importlib.util.spec_from_file_location("kernel_sources", folder / "kernel_sources.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.stale(folder)
