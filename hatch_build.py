"""Puts the top-level folders into wheels as packages of `valign`; an editable install uses the checkout's links."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDERS = ("model", "experiments", "calibration", "results")


class Folders(BuildHookInterface):
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "standard":
            build_data["force_include"] = {folder: f"valign/{folder}" for folder in FOLDERS}
