"""bespeak: raw customer behaviour in, personal selling out."""

__version__ = "0.1.0"
