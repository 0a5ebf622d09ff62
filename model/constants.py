"""Numbers of the model that nobody sets, each with its reason (docs/ODD.md, *Constants*).

They were parameters once: none of them rose above the noise of the outcomes in any shipped scenario, or it said the same
as another parameter. By channel: financial, economic, social; by kind of tie: as in `TIE_KINDS`.
"""

from __future__ import annotations

import numpy as np

# Evidence in a channel counts from EVIDENCE_REFERENCE on, in units of EVIDENCE_SCALE (£ per £1, £ per £1, SD of
# well-being): what is published and what the innovation brings say the same of the other side of the difference.
EVIDENCE_REFERENCE = np.array([1.0, 0.6, 0.2])
EVIDENCE_SCALE = np.array([0.5, 0.5, 0.2])
# What counts as evidence for staff, managers and peers, by channel; commissioners' weights are parameters.
EVIDENCE_WEIGHTS = np.array([[0.1, 0.3, 0.6], [0.4, 0.3, 0.3], [0.0, 0.2, 0.8]])
# Precision (per squared unit of scale) of a prior belief and of strong published evidence, which
# `innovation.evidence_strength` scales; no belief gets firmer than the cap.
PRIOR_PRECISION, PUBLISHED_PRECISION, PRECISION_CAP = 1.0, 4.0, 20.0
# Share of delivered results that reaches commissioners without a meeting: cashable savings are in the accounts.
MONITORING = np.array([1.0, 0.2, 0.2])
# Clients: satisfaction at which true effects are stated, and how fast satisfaction and take-up follow (a month).
SATISFACTION_REFERENCE, SATISFACTION_RATE = 0.75, 0.15
PRACTICE_START, PRACTICE_CLIMATE = 0.2, 0.15  # quality on entry; compliance: what a climate of 1 adds to it
BASE_QUALITY = np.array([0.5, 0.5, 0.3, 0.5, 0.4, 0.4])  # of ties by kind, before the factor `tie_quality`
TIE_GAIN, VOICE_GAIN = 0.02, 0.01  # a session: quality of ties between those taking part, voice of peers
COMMISSIONER_TURNOVER = 0.15  # a year, as of managers
DIALOGUE_ANCHOR = 0.02  # a month: commissioners' weights return to where they started
SOCIABILITY_SPREAD = 0.8  # log SD of the number of professional ties between people
LOCAL_TIES = 0.8  # share of professional ties between services that stay in the area
COMMISSIONER_TIES = 4.0  # ties of a commissioner to others
