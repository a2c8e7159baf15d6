"""What lists are made of, as runs publish it and servers find it."""

from __future__ import annotations

INTERACTIONS = "features/interactions"
HISTORIES, CATALOGUE = "artifacts/histories", "artifacts/catalogue"
MODELS, EVALUATION = "artifacts/models", "artifacts/evaluation"
SEARCH = "artifacts/search"
SERVED = "artifacts/served"
"""How the model that answers makes one list."""
