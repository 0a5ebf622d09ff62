"""The views of the page, one file each."""

from .changes import ChangesView
from .claims import ClaimsView
from .compare import CompareView
from .files import FilesView
from .levels import LevelsView
from .results import ResultsView
from .sensitivity import SensitivityView
from .society import SocietyView
from .view import View
from .why import WhyView

ALL: dict[str, type[View]] = {
    "results": ResultsView,
    "compare": CompareView,
    "levels": LevelsView,
    "why": WhyView,
    "society": SocietyView,
    "changes": ChangesView,
    "claims": ClaimsView,
    "sensitivity": SensitivityView,
    "files": FilesView,
}
