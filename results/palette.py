"""The colours of figures and pages: readable in grey, and for people who cannot tell red from green."""

from __future__ import annotations

INK, MUTED, GRID = "#1a1a1a", "#5c5c5c", "#e3e3e3"
PALE, GREY = "#c9c9c9", "#6b6b6b"  # areas of noise; what is beside the point
MAIN, LIGHT = "#2b5c8a", "#9db8d1"  # what the figure is about, and a part of it
PINNED = "#8a5a12"  # what it is held against
# dark to light in one direction, so that the order survives a grey printer; line styles say it again
ORDERED = ("#2c105c", "#b5367a", "#cf7510")
FURTHER = ("#4d7a1e", "#777777")  # where five lines are needed
TONES = (*ORDERED, MAIN, "#3f7f5f", GREY)  # where six are
PREDICTED, ABSENT, REVERSED = MAIN, "#d9d9d9", ORDERED[2]  # of a claim
CHOSEN = "#d00000"
STAGES = {
    "sustained": "#1f3a5f",
    "commissioned": "#4f7fae",
    "piloting": "#a9c6e0",
    "abandoned": "#d8d0c4",
    "outside": "#f3f1ec",
}
SHADES = ("#fff3c9", "#f2b45f", "#c0476c", "#2c105c")  # of alignment: light to dark, and so in grey
