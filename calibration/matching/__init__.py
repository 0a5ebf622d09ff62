"""Worlds matched with published facts: waves of simulations, weights, and what they say."""
