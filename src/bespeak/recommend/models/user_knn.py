"""Customers whose histories are most alike: what they had. session_knn without the order.

source : Herlocker et al. (1999) for neighbourhoods of users; the weights are those of session_knn
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from bespeak.recommend.histories import Interactions
from bespeak.recommend.models.session_knn import SessionKnn, SessionKnnParameters


class UserKnnParameters(SessionKnnParameters, frozen=True):
    """As of session_knn, but all of a history counts alike, however long ago and wherever it stood.

    The defaults that differ were chosen on parts carved from training data (benchmarks/recommend.md
    lists every try). `newest` bounds the work: of the customers with an item, only so many who did
    anything last.
    """

    fade: Annotated[float, msgspec.Meta(gt=0)] = 1e9
    distance: Annotated[float, msgspec.Meta(ge=0, le=4)] = 0.0
    backward: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    history_item: Annotated[float, msgspec.Meta(ge=0, le=2)] = 0.6
    length: Annotated[float, msgspec.Meta(ge=0, le=2)] = 0.5
    recency: Annotated[float, msgspec.Meta(ge=0, le=20)] = 0.0
    longest_history: Annotated[int, msgspec.Meta(ge=2, le=1000)] = 500
    neighbours: Annotated[int, msgspec.Meta(ge=1, le=2000)] = 200


class UserKnn(SessionKnn):
    """Past histories are customers': it keeps what each had together, never who."""

    name: ClassVar[str] = "user_knn"
    settings: ClassVar[type[SessionKnnParameters]] = UserKnnParameters


def fit_user_knn(interactions: Interactions, parameters: UserKnnParameters) -> UserKnn:
    """What most alike customers had."""
    return UserKnn.of(interactions, parameters)
