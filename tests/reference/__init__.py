"""The model written anew from docs/ODD.md in plain Python on Mesa agents: slow, and obvious on purpose.

It shares no code with `model/`, random numbers and elementary functions included, so that agreement of the
two means that both do what the ODD says.
"""

from .model import ReferenceModel

__all__ = ["ReferenceModel"]
