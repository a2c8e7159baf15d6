"""Accuracy and speed, each beside its peer or its limit in the same run."""
