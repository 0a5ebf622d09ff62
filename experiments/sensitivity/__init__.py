"""Sensitivity analysis: which assumptions drive the outcomes. `sensitivity`, `screen`, `study`."""

from .factors import EXTRA, REST, Factor, Problem, make_problem, uncertain, with_extras
from .indices import MAIN
from .samples import METHODS, Sample
from .studies import Screening, screen, sensitivity, simulator, study
from .tables import Sensitivity

__all__ = [
    "EXTRA",
    "MAIN",
    "METHODS",
    "REST",
    "Factor",
    "Problem",
    "Sample",
    "Screening",
    "Sensitivity",
    "make_problem",
    "screen",
    "sensitivity",
    "simulator",
    "study",
    "uncertain",
    "with_extras",
]
