"""What the rows of events are: told by their values, or by signs, or by the file's name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bespeak.collect import expressions
from bespeak.collect.evidence import Column
from bespeak.collect.roles import Cast
from bespeak.collect.vocabulary import meanings, plain, type_of_event
from bespeak.columns import EVENT_TYPES
from bespeak.config import Derived, Mapped

_PREFIX = re.compile(r"([A-Za-z]{1,3})[-_ #]?\d")


@dataclass(frozen=True)
class Choice:
    """What to map, and why."""

    mapped: Mapped
    reason: str


def quoted(name: str) -> str:
    """A column's name as an expression spells it."""
    plain_word = re.fullmatch(r"[^\W\d]\w*", name) and not expressions.problems(name, [name])
    return name if plain_word else '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as an expression spells it."""
    return "'" + text.replace("'", "''") + "'"


def type_of(cast: Cast, hints: Sequence[str], *, sold: bool) -> Choice:
    """The type of a source's events.

    sold : whether the rows look like lines of orders
    """
    if cast.has("type"):
        return _by_values(cast.column("type"))
    if any(cast.has(step) for step in ("sent", "opened", "clicked")):
        return _by_steps(cast)
    if sold:
        return _of_orders(cast, hints)
    if cast.has("rating"):
        return Choice(Derived(constant="rate"), "rows carry a rating and no order")
    if cast.has("url"):
        return _of_pages(cast.column("url"))
    for hint in hints:
        if hint in EVENT_TYPES:
            return Choice(Derived(constant=hint), "a guess from the file's name")
    return Choice(
        Derived(constant="view"),
        "a weak guess: nothing says what these rows are, so they count as the weakest interest",
    )


def _by_values(column: Column) -> Choice:
    """Every value that was seen, by the vocabulary; one that was not seen is quarantined."""
    if all(value.lower() in EVENT_TYPES for value in column.counts):
        return Choice(column.name, "its values are types of events as they stand")
    meant: dict[str, list[str]] = {}
    strange = []
    for value in sorted({value.lower() for value in column.counts}):
        kind = type_of_event(value)
        if kind is None:
            strange.append(value)
        meant.setdefault(kind or "other", []).append(value)
    name = quoted(column.name)
    tests = [
        f"when {_one_of(f'lower({name})', values)} then '{kind}'"
        for kind, values in sorted(meant.items(), key=lambda pair: EVENT_TYPES.index(pair[0]))
    ]
    reason = "its values by what they usually mean; a value not seen yet would be quarantined"
    reason += _of_strange(strange)
    return Choice(Derived(expression=f"case {' '.join(tests)} else {name} end"), reason)


def _of_strange(values: Sequence[str]) -> str:
    if not values:
        return ""
    shown = ", ".join(f"`{value}`" for value in values[:5])
    more = f" and {len(values) - 5} more" if len(values) > 5 else ""
    return f"; nothing is known of {shown}{more}, so `other`"


def _one_of(value: str, words: Sequence[str]) -> str:
    if len(words) == 1:
        return f"{value} = {literal(words[0])}"
    return f"{value} in ({', '.join(map(literal, words))})"


def _by_steps(cast: Cast) -> Choice:
    """One row per message: the furthest that its reader went."""
    tests = []
    for step, kind in (("clicked", "click"), ("opened", "open")):
        if cast.has(step):
            tests.append(f"when {_reached(cast.column(step))} then '{kind}'")
    expression = f"case {' '.join(tests)} else 'send' end" if tests else "'send'"
    return Choice(
        Derived(expression=expression) if tests else Derived(constant="send"),
        "one row is one message; the furthest step it reached says what it is",
    )


def _reached(column: Column) -> str:
    name = quoted(column.name)
    if column.is_time:
        return f"{name} is not null"
    return f"{name} > 0" if column.is_number else f"cast({name} as boolean)"


# -- orders: purchases, returns, and what is neither ---------------------------------------------


def _of_orders(cast: Cast, hints: Sequence[str]) -> Choice:
    """By the order's state if there is one, then by the signs of its lines."""
    if "return" in hints and "purchase" not in hints:
        return Choice(Derived(constant="return"), "a guess from the file's name")
    tests, reasons = _by_state(cast.column("status")) if cast.has("status") else ([], [])
    returns = _returns(cast)
    tests += [f"when {test} then 'return'" for test, _ in returns]
    reasons += [reason for _, reason in returns]
    adjust, said = _adjustments(cast, bool(returns))
    tests += [f"when {test} then 'adjust'" for test in adjust]
    if not tests:
        reasons = reasons or ["rows are lines of orders; none is negative"]
        return Choice(Derived(constant="purchase"), "; ".join(reasons))
    expression = f"case {' '.join(tests)} else 'purchase' end"
    return Choice(Derived(expression=expression), "; ".join([*reasons, *said, "the rest is sold"]))


def _by_state(column: Column) -> tuple[list[str], list[str]]:
    """Tests for orders that were no sale, and why."""
    words, name = meanings("states"), quoted(column.name)
    meant: dict[str, list[str]] = {}
    for value in sorted({value.lower() for value in column.counts}):
        meant.setdefault(words.get(plain(value), "other"), []).append(value)
    strange = [value for value in meant.get("other", ()) if plain(value) not in words]
    meant.pop("purchase", None)
    if not meant:
        return [], [f"every `{column.name}` is one of a sale"]
    tests = [
        f"when {_one_of(f'lower({name})', values)} then '{kind}'"
        for kind, values in sorted(meant.items(), key=lambda pair: EVENT_TYPES.index(pair[0]))
    ]
    said = f"by `{column.name}`: refunded is a return, what never came about is `other`"
    return tests, [said + _of_strange(strange)]


def _returns(cast: Cast) -> list[tuple[str, str]]:
    """Tests for returned lines, each with its reason."""
    amount = next((role for role in ("quantity", "value") if _negative(cast, role)), None)
    if amount is None:
        return []
    column = cast.column(amount)
    prefix = _prefix(cast, column)
    if prefix is not None:
        order = cast.column("order_id")
        test = f"{quoted(order.name)} like {literal(prefix + '%')}"
        return [
            (
                test,
                f"every `{order.name}` that begins with {prefix} goes with a negative"
                f" `{column.name}`, and most of the negative ones do, so these are returns",
            )
        ]
    price = _price(cast, besides=column)
    sold = f" and {quoted(price.name)} > 0" if price is not None and amount == "quantity" else ""
    return [
        (f"{quoted(column.name)} < 0{sold}", f"a negative `{column.name}` is taken for a return")
    ]


def _adjustments(cast: Cast, returns: bool) -> tuple[list[str], list[str]]:
    """Tests for lines that are no customer's doing, and why."""
    tests, reasons = [], []
    quantity = cast.column("quantity") if cast.has("quantity") else None
    if returns and quantity is not None and _negative(cast, "quantity"):
        tests.append(f"{quoted(quantity.name)} < 0")
        reasons.append("other negative quantities move stock")
    price, customer = _price(cast), _customer(cast)
    if price is None or customer is None or not customer.missing:
        return ([" or ".join(tests)] if tests else []), reasons
    free = [
        number is not None and number <= 0 and who is None
        for number, who in zip(price.numbers, customer.cells, strict=True)
    ]
    nobody = f"{quoted(customer.name)} is null"
    if any(free):
        tests.append(f"({quoted(price.name)} <= 0 and {nobody})")
        reasons.append("lines without a price and without a customer are no sales")
    if returns and _digits_only(cast, customer):
        order = quoted(cast.column("order_id").name)
        tests.append(f"(regexp_matches({order}, '^[A-Za-z]') and {nobody})")
        reasons.append(
            "orders are numbers, so one with another letter and no customer is a booking"
        )
    return ([" or ".join(tests)] if tests else []), reasons


def _negative(cast: Cast, role: str) -> bool:
    """Whether a few, but not most, of a role's numbers are negative."""
    if not cast.has(role):
        return False
    figures = cast.column(role).figures
    return 0 < sum(number < 0 for number in figures) < 0.5 * len(figures)


def _price(cast: Cast, besides: Column | None = None) -> Column | None:
    for role in ("price", "value"):
        if cast.has(role) and cast.column(role) is not besides:
            return cast.column(role)
    return None


def _customer(cast: Cast) -> Column | None:
    return next(iter(cast.people.values())).column if cast.people else None


def _prefix(cast: Cast, amount: Column) -> str | None:
    """The letters that begin the orders of most negative lines and of no other line."""
    if not cast.has("order_id"):
        return None
    negative, positive = Counter[str](), Counter[str]()
    for order, number in zip(cast.column("order_id").cells, amount.numbers, strict=True):
        if order is None or number is None:
            continue
        match = _PREFIX.match(str(order))
        (negative if number < 0 else positive)[match[1] if match else ""] += 1
    common = [(count, letters) for letters, count in negative.items() if letters]
    count, letters = max(common, default=(0, ""))
    clean = not any(other.startswith(letters) for other in positive) if letters else False
    return letters if count > 0.5 * negative.total() and clean else None


def _digits_only(cast: Cast, customer: Column) -> bool:
    """Whether orders that are no returns are plain numbers, but for a few without a customer."""
    if not (cast.has("order_id") and cast.has("quantity")):
        return False
    prefix = _prefix(cast, cast.column("quantity"))
    if prefix is None:
        return False
    pairs = zip(cast.column("order_id").cells, customer.cells, strict=True)
    others = [(str(order), who) for order, who in pairs if not str(order).startswith(prefix)]
    odd = [who for order, who in others if not order.isdigit()]
    return len(odd) <= 0.01 * len(others) and not any(odd)


# -- pages ---------------------------------------------------------------------------------------


def _of_pages(column: Column) -> Choice:
    """What a request for a page is; only what was seen in the addresses is tested for."""
    name, pages = quoted(column.name), column.texts
    known = (
        ("[.](?:css|js|png|jpe?g|gif|svg|ico|woff2?|map)(?:[?]|$)", "other", "parts of pages"),
        ("/(?:cart|basket)/add|/add[-_]?to[-_]?(?:cart|basket)", "cart", "additions to the cart"),
        ("/search|[?&](?:q|query|keyword|s)=", "search", "searches"),
    )
    seen = [
        (test, kind, what) for test, kind, what in known if any(re.search(test, p) for p in pages)
    ]
    if not seen:
        return Choice(Derived(constant="view"), "a page that is asked for is looked at")
    tests = [
        f"when regexp_matches({name}, {literal(test)}) then '{kind}'" for test, kind, _ in seen
    ]
    return Choice(
        Derived(expression=f"case {' '.join(tests)} else 'view' end"),
        f"by the address: {', '.join(what for _, _, what in seen)}; the rest is looked at",
    )
