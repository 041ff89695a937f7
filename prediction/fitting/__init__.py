"""How models of each type are learnt from rows."""
