"""One file per noun; together, every endpoint of the API."""

from __future__ import annotations

from bespeak.serve.endpoint import Endpoint
from bespeak.serve.routes import (
    access,
    catalogue,
    consent,
    customers,
    data,
    evaluation,
    events,
    health,
    information,
    items,
    overview,
    privacy,
    recommendations,
    segments,
    tasks,
)

ENDPOINTS: tuple[Endpoint, ...] = (
    *recommendations.ENDPOINTS,  # before customers: `…/recommendations` is no part of an id
    *consent.ENDPOINTS,  # before customers, for the same reason
    *privacy.ENDPOINTS,  # before customers, for the same reason
    *customers.ENDPOINTS,
    *events.ENDPOINTS,
    *information.ENDPOINTS,  # before items: `…/information` is no part of an id
    *items.ENDPOINTS,
    *catalogue.ENDPOINTS,
    *segments.ENDPOINTS,
    *overview.ENDPOINTS,
    *data.ENDPOINTS,
    *evaluation.ENDPOINTS,
    *tasks.ENDPOINTS,
    *access.ENDPOINTS,
    *health.ENDPOINTS,
)
