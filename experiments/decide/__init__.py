"""What to do with a budget, and what would be worth knowing first (docs/DECIDE.md)."""
