"""The decomposition as its definition says (ODD §6), beside a block: whole passes over everybody after every step."""

from __future__ import annotations

import numpy as np
from small import ENTRIES, EPISODES

from valign.model.ledger.decomposition import POINTS, entry
from valign.model.mechanism import CLARITY, COMMISSIONERS, INNOVATION, MEMBERS, POSTS, VALUES
from valign.model.mechanisms.leadership.kernel import strength_of
from valign.model.mechanisms.sensemaking import kernel
from valign.model.state.arrays import METRIC, State

FIT, ALIGNMENT = range(2)


class SlowLedger:
    """Told of every step of a month after it was taken; `booked` is balances x entries x groups and commissioners x
    episodes x 4 roles x 4 stages x W."""

    def __init__(self, S: State, groups: int) -> None:
        self.S, self.services, self.O = S, S.organisation < len(S.setting), len(S.setting)
        self.known = np.array([S.fit, S.alignment])
        self.stage, self.episode = S.stage.astype(int), self._episodes()
        self.group = np.where(
            self.services, np.append(S.service_group, groups)[np.minimum(S.organisation, self.O)], groups
        )
        self.booked = np.zeros((2, len(ENTRIES), groups + 1, len(EPISODES), 4, 4, len(S.runs)))
        self._remember()

    def _remember(self) -> None:
        S = self.S
        self.values, self.clarity, self.version = S.values.copy(), S.clarity.copy(), S.version.copy()

    def _episodes(self) -> np.ndarray:
        stage = np.vstack([self.S.service_stage, np.full((1, len(self.S.runs)), len(EPISODES) - 1)])
        return stage[np.minimum(self.S.organisation, self.O)]

    def _add(self, balance: int, number: int, change: np.ndarray, who: np.ndarray) -> None:
        """Add changes [N x W] of those who are meant [N x W] where they are now."""
        i, r = np.nonzero(who)
        place = (balance, number, self.group[i], self.episode[i, r], self.S.role[i], self.stage[i, r], r)
        np.add.at(self.booked, place, change[i, r])

    def _walk(self, number: int, fit: np.ndarray, who: np.ndarray) -> None:
        for balance in (FIT, ALIGNMENT):
            moves = who if balance == FIT else who & (self.S.judges == 0)
            self._add(balance, number, fit - self.known[balance], moves)
            self.known[balance] = np.where(moves, fit, self.known[balance])

    def _whole(self, number: int, sign: float, who: np.ndarray) -> None:
        for balance in (FIT, ALIGNMENT):
            self._add(balance, number, sign * self.known[balance], who)

    def _fit(self, v: np.ndarray, version: np.ndarray, clarity: np.ndarray) -> np.ndarray:
        """Fit of everybody [N x W] with values, versions and clarity (ODD §3)."""
        S, m = self.S, version[self.S.perceives]
        p = np.clip(m + (1.0 - clarity[:, None]) * (S.reading + S.projection * (v - m)), 0.0, 1.0)
        if S.rules[METRIC] == 0:
            return 1.0 - (S.emphasis * np.abs(v - p)).sum(axis=1)
        weight = np.full_like(S.emphasis, 1.0 / len(S.emphasis)) if S.rules[METRIC] == 1 else S.emphasis
        x, y = v - (weight * v).sum(axis=1)[:, None], p - (weight * p).sum(axis=1)[:, None]
        if S.rules[METRIC] == 1:
            return np.maximum(0.0, 1.0 - (S.emphasis * np.abs(x - y)).sum(axis=1))
        xx, yy, xy = ((S.emphasis * a * b).sum(axis=1) for a, b in ((x, x), (y, y), (x, y)))
        product = xx * yy
        return np.where(product < 1e-12, 0.5, 0.5 * (1.0 + xy / np.sqrt(np.maximum(product, 1e-12))))

    def _mean_shift(self) -> np.ndarray:
        moved, shift = self.S.values - self.values, np.zeros_like(self.values)
        for o in range(self.O + 1):
            for role in range(4):
                here = (np.minimum(self.S.organisation, self.O) == o) & (self.S.role == role)
                if here.any():
                    shift[here] = moved[here].mean(axis=0)
        return shift

    def account(self, point: int) -> None:
        """A mechanism moved what alignment is made of."""
        S, (name, (parts, whose)) = self.S, list(POINTS.items())[point]
        whom = {MEMBERS: self.services, COMMISSIONERS: ~self.services}.get(whose, np.ones_like(self.services))
        who = np.repeat(whom[:, None], len(S.runs), axis=1)
        number = entry(name)
        now = self._fit(S.values, S.version, S.clarity)
        if parts & VALUES:
            self._walk(number, self._fit(self.values + self._mean_shift(), self.version, self.clarity), who)
            self._walk(number + 1, self._fit(S.values, self.version, self.clarity), who)
            number += 2
        if parts & POSTS:
            self._replaced(number + 1 if parts & INNOVATION else number, now, who & (S.replaced != 0))
        if parts & INNOVATION:
            self._walk(number, self._fit(S.values, S.version, self.clarity), who)
            number += 1
        if parts & ~(VALUES | POSTS | INNOVATION):  # clarity, or anything
            assert not parts & CLARITY or ENTRIES[number] == (name, "clarity")
            self._walk(number, now, who)
        self._remember()

    def _replaced(self, number: int, fit: np.ndarray, who: np.ndarray) -> None:
        self._whole(number, -1.0, who)
        self.stage = np.where(who, self.S.stage, self.stage)
        self.clarity = np.where(who, self.S.clarity, self.clarity)
        self.known = np.where(who, fit, self.known)
        self._whole(number + 1, 1.0, who)

    def judged(self, before: np.ndarray) -> None:
        """Sensemaking moved judgements from what they were before."""
        S, number = self.S, entry("sensemaking")
        weight, heard = S.talk_weight, S.session_judgement  # as sensemaking began
        judges = S.judges != 0
        strength = np.array([[strength_of(S, o, r) for r in range(len(S.runs))] for o in range(self.O)])
        for i in range(len(S.role)):
            o = min(int(S.organisation[i]), self.O)
            terms, shares = np.zeros((4, len(S.runs))), np.zeros((4, len(S.runs)))
            terms[0], shares[0] = S.grounding * (S.fit[i] - before[i]), S.grounding
            for r in range(len(S.runs)):
                terms[1, r], shares[1, r] = kernel.from_talk(S, i, before, weight, r)
                terms[2, r], shares[2, r] = kernel.from_manager(S, o, i, before, strength[min(o, self.O - 1)], r)
                if o < self.O:
                    terms[3, r], shares[3, r] = kernel.from_session(S, o, i, before, heard, r)
                else:
                    terms[3, r], shares[3, r] = kernel.from_sessions(S, i, before, heard, r)
            limit = 1.0 / np.maximum(1.0, shares.sum(axis=0))
            who = np.zeros_like(judges)
            who[i] = judges[i]
            for part in range(4):
                self._add(ALIGNMENT, number + part, np.broadcast_to(limit * terms[part], who.shape), who)
        self.known[ALIGNMENT] = S.alignment

    def moves(self, month: int) -> None:
        """People changed stage."""
        who = self.stage != self.S.stage
        self._whole(ENTRIES.index(("stage", "moves")), -1.0, who)
        self.stage = self.S.stage.astype(int)
        self._whole(ENTRIES.index(("stage", "moves")), 1.0, who)

    def flush(self, month: int) -> None:
        """The month ends: services are in other episodes."""
        episode = self._episodes()
        who = episode != self.episode
        self._whole(ENTRIES.index(("episode", "moves")), -1.0, who)
        self.episode = episode
        self._whole(ENTRIES.index(("episode", "moves")), 1.0, who)
