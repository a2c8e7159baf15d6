"""What is money and what is a number of pieces, in lines of orders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from bespeak.collect.event_types import quoted
from bespeak.collect.evidence import Column
from bespeak.collect.lines import Line, plain_lines, said
from bespeak.collect.roles import Cast, Claim
from bespeak.config import Derived


def amounts(cast: Cast, *, sold: bool) -> Iterator[Line]:
    """Quantity, price, amount and discount of an event."""
    yield from plain_lines(cast, "columns", {"quantity": "quantity"})
    alone = cast.has("price") and cast.has("item_id") and not cast.has("quantity", "value")
    if alone and sold:
        yield Line("columns", "quantity", Derived(constant=1), "no quantity: one piece a row")
    yield from plain_lines(cast, "columns", {"price": "price"})
    if cast.has("value"):
        claim = cast.roles["value"]
        if _is_amount_of_line(cast, claim.column):
            yield Line("columns", "value", claim.column.name, said(claim))
    if cast.has("discount"):
        yield _discount([cast.roles["discount"], *cast.shared.get("discount", [])])


def _is_amount_of_line(cast: Cast, column: Column) -> bool:
    """Whether an amount is the line's own, and no total of its order that stands on every line."""
    if cast.has("price") and cast.has("quantity"):
        rows = zip(
            column.numbers, cast.column("price").numbers, cast.column("quantity").numbers,
            strict=True,
        )  # fmt: skip
        known = [
            (value, price * quantity)
            for value, price, quantity in rows
            if value is not None and price is not None and quantity is not None
        ]
        near = sum(abs(value - made) <= 0.05 * abs(value) + 0.01 for value, made in known)
        return near >= 0.5 * len(known)
    if not (cast.has("order_id") and cast.has("item_id")):
        return True
    lines: dict[str, list[float | None]] = defaultdict(list)
    for order, number in zip(cast.column("order_id").cells, column.numbers, strict=True):
        lines[str(order)].append(number)
    several = [amounts for amounts in lines.values() if len(amounts) > 1]
    same = sum(len(set(amounts)) == 1 for amounts in several)
    varied = len(column.counts) >= 5
    return not (varied and len(several) >= 3 and same >= 0.95 * len(several))


def _discount(claims: Sequence[Claim]) -> Line:
    columns = [claim.column for claim in claims]
    taken = all(number <= 0 for column in columns for number in column.figures)
    sign = "-" if taken and any(any(column.figures) for column in columns) else ""
    if len(columns) == 1 and not sign:
        return Line("columns", "discount", columns[0].name, said(claims[0]))
    terms = [f"coalesce({quoted(column.name)}, 0)" for column in columns]
    summed = " + ".join(terms)
    expression = f"-({summed})" if sign else summed
    why = "the sum of the discounts" if len(columns) > 1 else said(claims[0])
    why += "; they are written as negative amounts" if sign else ""
    return Line("columns", "discount", Derived(expression=expression), why)
