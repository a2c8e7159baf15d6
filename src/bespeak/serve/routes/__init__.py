"""One file per noun; together, every endpoint of the API."""

from __future__ import annotations

from bespeak.serve.endpoint import Endpoint
from bespeak.serve.routes import (
    access,
    catalogue,
    customers,
    data,
    evaluation,
    events,
    health,
    items,
    overview,
    recommendations,
    segments,
)

ENDPOINTS: tuple[Endpoint, ...] = (
    *recommendations.ENDPOINTS,  # before customers: `…/recommendations` is no part of an id
    *customers.ENDPOINTS,
    *events.ENDPOINTS,
    *items.ENDPOINTS,
    *catalogue.ENDPOINTS,
    *segments.ENDPOINTS,
    *overview.ENDPOINTS,
    *data.ENDPOINTS,
    *evaluation.ENDPOINTS,
    *access.ENDPOINTS,
    *health.ENDPOINTS,
)
