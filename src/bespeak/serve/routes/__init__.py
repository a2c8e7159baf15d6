"""One file per noun; together, every endpoint of the API."""

from __future__ import annotations

from bespeak.serve.endpoint import Endpoint
from bespeak.serve.routes import (
    access,
    customers,
    data,
    evaluation,
    events,
    health,
    items,
    overview,
    privacy,
    recommendations,
    segments,
)

ENDPOINTS: tuple[Endpoint, ...] = (
    *recommendations.ENDPOINTS,  # before customers: `…/recommendations` is no part of an id
    *privacy.ENDPOINTS,  # before customers, for the same reason
    *customers.ENDPOINTS,
    *events.ENDPOINTS,
    *items.ENDPOINTS,
    *segments.ENDPOINTS,
    *overview.ENDPOINTS,
    *data.ENDPOINTS,
    *evaluation.ENDPOINTS,
    *access.ENDPOINTS,
    *health.ENDPOINTS,
)
