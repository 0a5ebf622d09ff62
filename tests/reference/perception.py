"""How values are compared (ODD §3), and small arithmetic used everywhere. Vectors are lists of floats."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import exp, sqrt

Vector = list[float]
REFERENCE = {"distance": 0.75, "centred": 0.75, "profile": 0.55}
UNIT = {"distance": 0.10, "centred": 0.10, "profile": 0.23}


def clip(x: float) -> float:
    return min(max(x, 0.0), 1.0)


def logistic(x: float) -> float:
    """1/(1 + e^-x), without overflow."""
    if x >= 0:
        return 1.0 / (1.0 + exp(-x))
    return exp(x) / (1.0 + exp(x))


def mean(numbers: Iterable[float], empty: float = 0.0) -> float:
    """The mean, or `empty` of nothing."""
    numbers = list(numbers)
    return sum(numbers) / len(numbers) if numbers else empty


def mean_vector(vectors: Sequence[Vector]) -> Vector:
    """Componentwise mean of at least one vector."""
    return [sum(components) / len(vectors) for components in zip(*vectors, strict=True)]


def toward(start: Vector, goal: Vector, share: float) -> Vector:
    return [a + share * (b - a) for a, b in zip(start, goal, strict=True)]


def normalised(numbers: Sequence[float]) -> Vector:
    """Shares that sum to 1; equal ones if all are 0."""
    total = sum(numbers)
    return [x / total for x in numbers] if total > 0 else [1.0 / len(numbers)] * len(numbers)


def distance(a: Vector, b: Vector) -> float:
    """Value distance of two people, d_ij (ODD §3)."""
    return sum(abs(x - y) for x, y in zip(a, b, strict=True)) / len(a)


def perceive(version: Vector, clarity: float, reading: Vector, projection: float, values: Vector) -> Vector:
    """Perceived values of the innovation, p_i (ODD §3)."""
    return [
        clip(m + (1.0 - clarity) * (xi + projection * (v - m)))
        for m, xi, v in zip(version, reading, values, strict=True)
    ]


def alignment(metric: str, values: Vector, perceived: Vector, emphasis: Vector) -> float:
    """Alignment A_i of values with the perceived values of the innovation (ODD §3)."""
    if metric == "distance":
        return 1.0 - sum(w * abs(v - p) for w, v, p in zip(emphasis, values, perceived, strict=True))
    if metric == "centred":
        v_bar, p_bar = sum(values) / len(values), sum(perceived) / len(perceived)
        gaps = [abs((v - v_bar) - (p - p_bar)) for v, p in zip(values, perceived, strict=True)]
        return max(0.0, 1.0 - sum(w * gap for w, gap in zip(emphasis, gaps, strict=True)))
    v_bar = sum(w * v for w, v in zip(emphasis, values, strict=True))
    p_bar = sum(w * p for w, p in zip(emphasis, perceived, strict=True))
    triples = list(zip(emphasis, values, perceived, strict=True))
    v_variance = sum(w * (v - v_bar) ** 2 for w, v, _ in triples)
    p_variance = sum(w * (p - p_bar) ** 2 for w, _, p in triples)
    if v_variance * p_variance < 1e-12:
        return 0.5
    covariance = sum(w * (v - v_bar) * (p - p_bar) for w, v, p in triples)
    return (1.0 + covariance / sqrt(v_variance * p_variance)) / 2.0
