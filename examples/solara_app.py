"""World in Mesa's own web view.

pip install "valign[mesa-viz]"          # an environment of its own: see pyproject.toml
solara run examples/solara_app.py
"""

import solara
from matplotlib.figure import Figure
from mesa.visualization import SolaraViz
from mesa.visualization.utils import update_counter

from valign.model.scenario.scenario import scenario_names
from valign.model.world.world import World

LINES = {"uptake": "people engaged", "spread": "services using it", "alignment": "alignment"}


@solara.component
def Curves(model):
    """Uptake, spread and alignment so far, labelled at the line's end."""
    update_counter.get()
    table = model.datacollector.get_model_vars_dataframe()
    figure = Figure(figsize=(6.5, 3.6), layout="constrained")
    axes = figure.subplots()
    for (name, label), style in zip(LINES.items(), ("-", "--", ":"), strict=True):
        axes.plot(table.index, 100 * table[name], style, color="black")
        axes.annotate(f" {label}", (table.index[-1], 100 * table[name].iloc[-1]), va="center", annotation_clip=False)
    axes.set(
        xlim=(0, model.plan.months),
        xticks=range(0, model.plan.months + 1, 12),
        ylim=(0, 100),
        xlabel="month",
        ylabel="%",
    )
    axes.set_title(model.plan.title, loc="left", pad=14)
    axes.spines[["top", "right"]].set_visible(False)
    solara.FigureMatplotlib(figure, format="png", bbox_inches="tight")


@solara.component
def Services(model):
    """Every service with its stage and uptake."""
    update_counter.get()
    rows = "\n".join(
        f"| {each.name} | {each.stage} | {100 * each.uptake:.0f} % | {each.climate:.2f} |"
        for each in model.organisations[:30]
    )
    more = "" if len(model.organisations) <= 30 else f"\n\n… and {len(model.organisations) - 30} more"
    solara.Markdown(
        f"**Month {min(model.steps, model.plan.months)}**\n\n"
        f"| service | stage | engaged | climate |\n|---|---|---|---|\n{rows}{more}"
    )


parameters = {
    "preset": {
        "type": "Select",
        "label": "scenario",
        "value": "two-services",
        "values": [name for name in scenario_names() if name not in ("england", "medical-innovation")],
    },
    "rng": {"type": "InputText", "label": "seed", "value": 1},
    "months": {"type": "SliderInt", "label": "months", "value": 72, "min": 12, "max": 120, "step": 12},
}

page = SolaraViz(
    World(preset="two-services", rng=1, months=72),
    components=[Curves, Services],
    model_params=parameters,
    name="valign",
)
page  # noqa: B018  (Solara shows what stands here)
