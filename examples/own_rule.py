"""Rules of one's own: a subclass of World in plain Python, and a mechanism inserted in the month by name.

python examples/own_rule.py
"""

import numpy as np

from valign.model.world.agents import Peer, Staff
from valign.model.world.world import World


class Shadowing(World):
    """Every quarter each member of staff shadows a peer they have a tie with, and comes a little nearer to them."""

    def step(self):
        super().step()
        if self.steps % 3 == 0:
            for agent in self.agents.select(agent_type=Staff):
                peers = [each for each in agent.neighbours if isinstance(each, Peer)]
                if peers:
                    agent.values = agent.values + 0.05 * (peers[0].values - agent.values)


def newsletter(state, month):
    """Once a year everybody reads the innovation a little more clearly. Arrays have the run axis last."""
    if month % 12 == 0:
        state.clarity[:] = np.minimum(1.0, state.clarity + 0.05)


if __name__ == "__main__":
    plain, shadowing, informed = World(rng=1), Shadowing(rng=1), World(rng=1)
    informed.insert_mechanism(newsletter, before="leadership")
    for name, world in (("as it is", plain), ("shadowing", shadowing), ("newsletter", informed)):
        while world.steps < world.plan.months:
            world.step()
        table = world.decomposition
        outside = table[table["mechanism"] == "outside"]["change"].sum()
        print(
            f"{name:12s} uptake {world.uptake:.2f}   alignment {world.alignment:.3f}   booked as outside {outside:+.2f}"
        )
