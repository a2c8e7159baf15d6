"""A shop to play with: pages over /bespeak.js and the public API, on the workspace's own catalogue."""

from __future__ import annotations

from bespeak.storefront.app import About, create_app

__all__ = ["About", "create_app"]
