"""Settings, files and hostile names that the explorer's tests use."""

from __future__ import annotations

import asyncio

from valign.explorer.state import Settings
from valign.explorer.work import Question, ensemble
from valign.model.scenario.scenario import SHIPPED

TEXT = (SHIPPED / "two-services.toml").read_text("utf-8")

HOSTILE = '<script>alert("x")</script>'

CHANGED = Settings(
    parameters={"coproduction_intensity": 0.3, "ties.between": 2.0},
    mechanisms={"dialogue": False},
    level=0.7,
    months=24,
    changes=(
        {"month": 12, "event": "new_leader", "profile": "manager", "organisations": ["hostel"]},
        {"month": 18, "parameter": "slack", "set": 0.1},
    ),
)


def asked(settings: Settings, **how):
    return asyncio.run(ensemble(Question(settings), **how))


def survey() -> tuple[bytes, bytes]:
    """A small one, and its network."""
    people = [("m", "hostel", "manager"), *((f"s{n}", "hostel", "staff") for n in range(6)), ("c", "", "commissioner")]
    nodes = "id,organisation,role\n" + "".join(",".join(each) + "\n" for each in people)
    edges = "from,to\n" + "".join(f"s{n},m\n" for n in range(6))
    return nodes.encode(), edges.encode()


class Shown:
    """Stands for what is shown: keeps the last text."""

    text = ""
    visible = False

    def set_content(self, text: str) -> None:
        self.text = text

    set_text = set_content

    def set_visibility(self, visible: bool) -> None:
        self.visible = visible
