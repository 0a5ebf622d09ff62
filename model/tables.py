from .society import build_society
def society_of(scenario, seed):
    return build_society(scenario, seed)
