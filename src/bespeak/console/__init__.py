"""Pages over the API: small shells of HTML, and scripts of our own that ask the server."""

from __future__ import annotations

from bespeak.console.alone import report_page
from bespeak.console.app import called, create_app

__all__ = ["called", "create_app", "report_page"]
