"""Numbered, reversible changes of the control plane's schema (Alembic). Applied by control at its start."""
