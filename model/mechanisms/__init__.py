"""The mechanisms, a folder each: `record.py` says what one is (no Numba), `kernel.py` computes it.

MONTH is the month. `model/parameters.py` collects the records in this order, and `model/run/month.py` joins them to
their kernels and puts between them what keeps versions, ties and alignment up to date.
"""

MONTH = (
    "changes",
    "turnover",
    "awareness",
    "relationships",
    "anchoring",
    "leadership",
    "coproduction",
    "identification",
    "sensemaking",
    "climate",
    "evidence",
    "dialogue",
    "engagement",
    "organisations",
    "commissioning",
    "tie_quality",
)
