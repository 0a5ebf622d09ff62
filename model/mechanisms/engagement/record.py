"""Engagement, lapsing and re-engagement: parameters and place in the month (docs/ODD.md §5.13)."""

from __future__ import annotations

from functools import partial

from ...mechanism import Mechanism, Term
from ...parameter import ASSUMED, Family, Parameter

parameter = partial(Parameter, grade="assumed", source=ASSUMED)

MECHANISM = Mechanism(
    name="engagement",
    section="5.13",
    title="Engagement, lapsing and re-engagement: monthly log-odds, additive",
    stages=True,
    reads="everybody",
    parameters={
        "initial_engagement": parameter(
            0, 0, 0.2, "share", "people engaged at the start", scope="organisation", grade="assumed", source="scenario"
        ),
        "fit_effect": parameter(
            0.45,
            0,
            0.7,
            "logit per 0.10",
            "effect of alignment on engagement",
            kind="effect",
            minimum=-5,
            maximum=5,
            grade="inferred",
            source="three classic diffusion data sets (.31-.52), transported: an upper bound",
        ),
        "base": Family(
            {
                "staff": parameter(
                    -3.2,
                    -3.7,
                    -2.7,
                    "monthly logit",
                    "engagement of staff at reference alignment",
                    kind="logit",
                    scope="organisation",
                ),
                "manager": parameter(
                    -2.8, -3.3, -2.3, "monthly logit", "engagement of managers", kind="logit", scope="organisation"
                ),
                "peer": parameter(
                    -2.9, -3.4, -2.4, "monthly logit", "engagement of peers", kind="logit", scope="organisation"
                ),
            },
            joint="_",
        ),
        "frailty_sd": parameter(
            0.3, 0, 0.6, "logit", "lasting differences between people", kind="logit", grade="assumed"
        ),
        "peer_effect": parameter(
            0.2,
            0,
            0.6,
            "logit per share",
            "share of engaged ties, weighted by quality",
            kind="effect",
            minimum=-5,
            maximum=5,
            grade="inferred",
            source="own ties beside the share of the community in three diffusion data sets (.0, .05, .6)",
        ),
        "evidence_effect": parameter(
            0.3,
            0,
            1.2,
            "logit per unit of evidence",
            "effect of perceived evidence",
            kind="effect",
            minimum=-5,
            maximum=5,
            grade="assumed",
            source="assumed; .9-1.2 would weigh a standard deviation of evidence as one of fit",
        ),
        "climate_effect": parameter(
            2,
            0.5,
            3.5,
            "logit per climate 0-1",
            "effect of climate",
            kind="effect",
            grade="inferred",
            source="climate to use 20 months later: d = .93 (Williams et al. 2022): a standard deviation of climate weighs about what one of fit does",
        ),
        "identity_effect": parameter(
            0.6,
            0,
            1.5,
            "logit per identification 0-1",
            "effect of identification (not identified)",
            kind="effect",
            grade="assumed",
        ),
        "workload_effect": parameter(
            0.6, 0, 1.5, "logit per workload 0-1", "effect of workload (not identified)", kind="effect", grade="assumed"
        ),
        "fit_climate": parameter(
            0,
            -0.2,
            0.2,
            "logit per 0.10 x climate",
            "interaction of fit and climate",
            kind="logit",
            maximum=5,
            grade="inferred",
            source="climate x general climate moderates use (Williams et al. 2018); additive is the default",
        ),
        "fit_peers": parameter(
            0,
            -0.35,
            0.1,
            "logit per 0.10 x share",
            "interaction of fit and peers (.9 per SD^2, interval includes 1)",
            kind="logit",
            maximum=5,
            grade="inferred",
            source="fit x exposure in three diffusion data sets: .9 per SD^2, interval includes 1",
        ),
        "norm_effect": parameter(
            1,
            0,
            4,
            "logit per share",
            "share of the own service, or community, that uses it",
            kind="effect",
            minimum=-5,
            maximum=5,
            grade="inferred",
            source="share of one's community in three diffusion data sets (.7, .9, 4.0, calendar time confounded: an upper bound)",
        ),
        "climate_gate": parameter(
            0.5,
            0,
            0.8,
            "share",
            "opportunities to begin that are lost without any climate",
            grade="assumed",
            source="climate and values fit are both needed for use (Klein & Sorra 1996)",
        ),
        "workaround": parameter(
            0,
            0,
            0.2,
            "share",
            "engagement where the service does not use the innovation",
            scope="organisation",
            grade="assumed",
        ),
        "workload": parameter(
            0.3,
            0.1,
            0.6,
            "workload 0-1",
            "everyday workload before slack",
            scope="organisation",
            grade="assumed",
            symbol="everyday_workload",
        ),
        "lapse_base": parameter(-3.9, -4.4, -3.4, "monthly logit", "lapsing", kind="logit"),
        "lapse_fit": parameter(
            0.25, 0, 0.45, "logit per 0.10", "less lapsing per 0.10 of alignment", kind="effect", minimum=-5, maximum=5
        ),
        "lapse_climate": parameter(
            1, 0, 2, "logit per climate 0-1", "less lapsing in a better climate", kind="effect", grade="assumed"
        ),
        "disapproval": parameter(
            0.32,
            0.15,
            0.5,
            "logit",
            "disapproval by manager or commissioner (x1.38 on stopping)",
            kind="effect",
            minimum=-5,
            maximum=5,
            grade="measured",
            source="a partner's disapproval multiplies stopping by 1.38 (1.16-1.65): diffusion data",
        ),
        "reengage_base": parameter(-4.3, -4.8, -3.8, "monthly logit", "engaging again", kind="logit"),
    },
    terms={
        "z": Term("standardised alignment z_i", "units of alignment"),
        "engaged_ties": Term("x_i", "share"),
        "norm": Term("n_o", "share"),
        "evidence": Term("E_i", "units of evidence"),
        "climate": Term("climate of the service", "0-1"),
        "identification": Term("g_i", "0-1"),
        "workload": Term("workload of the service", "0-1"),
        "disapproval": Term("D_i", "0 or 1"),
        "eta": Term("η", "logit"),
        "probability": Term("p", "0-1"),
        "draw": Term("the uniform draw u; the step is taken if u < p", "0-1"),
    },
)
