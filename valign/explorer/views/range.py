"""A slider: the browser's own, which keyboards, screen readers and touch know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import ui

# While it moves, what stands before it in bold follows.
FOLLOW = """(event) => {
  const shown = event.target.previousElementSibling?.querySelector('b');
  if (shown) shown.textContent = Number(Number(event.target.value).toPrecision(4));
}"""

PUT = "{ const range = getHtmlElement(%d); if (range) range.value = %r; }"


class Range(ui.element):
    """A slider of numbers. text : the value with its unit, as it is read out. The server is told on release."""

    def __init__(
        self, low: float, high: float, step: float, value: float, *, name: str, text: str,
        released: Callable[[Any], Any] | None = None, moved: Callable[[Any], Any] | None = None,
    ) -> None:  # fmt: skip
        super().__init__("input")
        self.classes("range")
        self.props.update({"type": "range", "min": low, "max": high, "step": step, "aria-label": name})
        self.props.update({"^value": value, "aria-valuetext": text})  # an attribute: what one drags stays where it is
        if released is not None:
            self.on("input", js_handler=FOLLOW)
            self.on("change", lambda event: released(event.args), js_handler="(event) => emit(+event.target.value)")
        if moved is not None:
            self.on("input", lambda event: moved(event.args), js_handler="(event) => emit(+event.target.value)",
                    throttle=0.1)  # fmt: skip

    def set(self, value: float, text: str) -> None:
        """Put it elsewhere."""
        self.props.update({"^value": value, "aria-valuetext": text})
        self.update()
        with self.client:
            ui.run_javascript(PUT % (self.id, float(value)))
