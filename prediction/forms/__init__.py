"""How models of each type are written and read."""
