"""The best model for the data at hand: what is tried, on what, within what time."""
