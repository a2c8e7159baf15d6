"""A shop to play with, on the workspace's catalogue: pages over /bespeak.js and the public API."""

from __future__ import annotations

from bespeak.storefront.app import About, create_app

__all__ = ["About", "create_app"]
