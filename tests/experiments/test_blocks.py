"""Which runs are computed together: whole strips of eight, what is left over alone or filled up."""

from __future__ import annotations

import numpy as np
import pytest

from valign.experiments.blocks import block_width, group_into_blocks
from valign.experiments.simulate import simulate


@pytest.mark.parametrize(
    ("runs", "width", "sizes"),
    [
        (1, 16, [1]),
        (3, 16, [1, 1, 1]),
        (4, 16, [4]),
        (8, 16, [8]),
        (9, 16, [8, 1]),
        (11, 16, [8, 1, 1, 1]),
        (12, 16, [12]),
        (34, 16, [16, 16, 1, 1]),
    ],
)
def test_a_few_runs_beside_whole_strips_go_alone(runs: int, width: int, sizes: list[int]) -> None:
    column = np.arange(runs) / 100
    blocks = group_into_blocks(list(range(100, 100 + runs)), [5] * runs, width, {"fit_effect": column}, few_alone=True)
    assert [len(each.rows) for each in blocks] == sizes
    assert np.concatenate([each.rows for each in blocks]).tolist() == list(range(runs))
    for each in blocks:
        assert each.seeds == tuple(100 + each.rows)
        assert each.society_seed == 5
        np.testing.assert_array_equal(each.overrides["fit_effect"], column[each.rows])


def test_a_width_that_is_asked_for_is_kept() -> None:
    assert [len(each.rows) for each in group_into_blocks(range(9), [5] * 9, 9)] == [9]
    assert [len(each.rows) for each in group_into_blocks(range(7), [5] * 7, 3)] == [3, 3, 1]


def test_societies_do_not_share_blocks() -> None:
    blocks = group_into_blocks(range(20), [1, 2] * 10, 16, few_alone=True)
    assert [(each.society_seed, each.rows.tolist()) for each in blocks] == [
        (1, [0, 2, 4, 6, 8, 10, 12, 14]), (1, [16]), (1, [18]), (2, [1, 3, 5, 7, 9, 11, 13, 15]), (2, [17]), (2, [19]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("people", "width"), [(50, 64), (600, 16), (90_000, 16), (100_000, 8), (180_000, 8), (200_000, 1), (10**6, 1)]
)
def test_a_block_has_whole_strips_or_one_run(people: int, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("valign.experiments.blocks.machine_memory", lambda: 64e9)
    assert block_width(people, 7) == width


def test_runs_alone_beside_a_strip_are_the_same_runs() -> None:
    together = simulate("two-services", runs=11, societies=1, record=()).runs
    for width in (1, 11):
        assert simulate("two-services", runs=11, societies=1, record=(), width=width).runs.equals(together)
