"""The catalogue: who describes an item, and what is no product."""

from __future__ import annotations

import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa
import pytest
from prepare_worlds import KINDS, conformed, said

from bespeak import prepare
from bespeak.columns import RECORD
from bespeak.domains import load_pack
from bespeak.engines import Engine
from bespeak.errors import ConfigInvalid

RETAIL = load_pack("retail")
Row = dict[str, Any]


def catalogue(engine: Engine, rows: list[Row]) -> ir.Table:
    """RECORD.items columns, and `rows` where a row says how often it was given."""
    fields = [(name, KINDS[kind]) for name, kind in RECORD["items"].columns.items()]
    if any("rows" in row for row in rows):
        fields.append(("rows", pa.int64()))
    return engine.table(pa.Table.from_pylist(rows, schema=pa.schema(fields)))


def united(engine: Engine, *sources: list[Row], events: list[Row] | None = None) -> dict[str, Row]:
    seen = None if events is None else conformed(engine, events)
    items = prepare.unite_items(engine, [catalogue(engine, rows) for rows in sources], seen, RETAIL)
    return {row["item_id"]: row for row in said(engine, items)}


def test_each_attribute_comes_from_the_first_source_that_has_it(engine: Engine) -> None:
    found = united(
        engine,
        [{"item_id": "1", "title": "Tea", "price": Decimal(2)}, {"item_id": "2", "brand": "B"}],
        [{"item_id": "1", "title": "TEA", "brand": "A"}, {"item_id": "3", "title": "Rice"}],
    )
    assert sorted(found) == ["1", "2", "3"]
    tea = found["1"]
    assert (tea["title"], tea["brand"], tea["price"]) == ("Tea", "A", Decimal(2))
    assert found["2"]["title"] is None


def test_the_most_frequent_description_counts_and_ties_go_to_the_smallest(engine: Engine) -> None:
    found = united(
        engine,
        [
            {"item_id": "1", "title": "B", "rows": 5},
            {"item_id": "1", "title": "A", "rows": 2},
            {"item_id": "1", "title": "A", "brand": "x", "rows": 3},
            {"item_id": "1", "title": None, "brand": "y", "rows": 9},
        ],
    )
    assert (found["1"]["title"], found["1"]["brand"]) == ("A", "y")


def test_an_item_that_only_events_name_gets_a_bare_row(engine: Engine) -> None:
    events: list[Row] = [{"item_id": "9"}, {"item_id": "9"}, {"item_id": None}]
    found = united(engine, [{"item_id": "1", "title": "Tea"}], events=events)
    assert sorted(found) == ["1", "9"]
    assert found["9"]["title"] is None and found["9"]["is_product"]


def test_without_any_source_there_is_an_empty_catalogue(engine: Engine) -> None:
    assert united(engine) == {}
    assert sorted(united(engine, events=[{"item_id": "9"}])) == ["9"]


def test_the_order_of_rows_changes_nothing(engine: Engine) -> None:
    rng = random.Random(5)
    rows = [
        {"item_id": str(n % 7), "title": rng.choice("abc"), "brand": rng.choice(["x", None]),
         "rows": rng.randint(1, 3)}
        for n in range(60)
    ]  # fmt: skip
    assert united(engine, rows) == united(engine, rng.sample(rows, len(rows)))


# -- products ----------------------------------------------------------------------------------


def products(engine: Engine, *items: tuple[str, str | None], category: str | None = None) -> Any:
    """Whether each item is a product, in a catalogue of numbered goods."""
    goods = [{"item_id": str(n), "title": f"Mug {n}"} for n in range(1000, 1400)]
    asked = [{"item_id": key, "title": title, "category": category} for key, title in items]
    found = united(engine, [*goods, *asked])
    assert all(found[row["item_id"]]["is_product"] for row in goods)
    return [found[key]["is_product"] for key, _ in items]


SERVICES = [
    ("POST", "POSTAGE"), ("23444", "Next Day Carriage"), ("M", "Manual"), ("C2", "CARRIAGE"),
    ("23574", "PACKING CHARGE"), ("FEE", "MARKETPLACE FEE"), ("D", "Discount"), ("S", "SAMPLES"),
    ("BANK CHARGES", " Bank Charges"), ("B", "Adjust bad debt"), ("77", "Charity Commission"),
    ("gift_0001_20", "Someshop Gift Voucher £20.00"), ("gift_0001_80", None),
    ("ADJUST2", "Adjustment by Peter on Jun 25"), ("TEST001", "This is a test product."),
    ("X", None), ("11", "运费"), ("12", "补差价专用链接"), ("13", "顺丰快递运费"),
    ("14", "10元优惠券"),
]  # fmt: skip
GOODS = [
    ("PADS", "PADS TO MATCH ALL CUSHIONS"), ("DCGSSGIRL", "GIRLS PARTY BAG"), ("m", "MUG"),
    ("22645", "CERAMIC HEART FAIRY CAKE MONEY BANK"), ("85168B", "BLACK CARRIAGE CLOCK"),
    ("23099", "FRENCH CARRIAGE LANTERN"), ("21", "TOY DOLL CARRIAGE"), ("22", "BATTERY CHARGER"),
    ("23", "COFFEE"), ("24", "ADJUSTABLE STRAP"), ("25", "TOILET BOWL MANUAL"), ("26", None),
    ("27", "PACK OF 6 GIFT TAGS"), ("28", "SPECIAL DELIVERY STORK CARD"), ("29", "STAMP BOX"),
    ("30", "BAG CHARGE TOKEN KEYRING"), ("31", "Mug with free shipping"), ("32", "手提包 包邮费"),
    ("33", "运费券收纳盒"), ("34", "MANUAL COFFEE GRINDER"), ("TEST5", "Pregnancy kit"),
    ("35", "SAMPLE BAG LARGE"), ("36", "BANK ACCOUNT GREETING CARD"),
]  # fmt: skip


def test_lines_of_a_bill_are_no_products(engine: Engine) -> None:
    marks = zip(SERVICES, products(engine, *SERVICES), strict=True)
    assert [item for item, product in marks if product] == []


def test_goods_that_sound_like_them_are_products(engine: Engine) -> None:
    marks = zip(GOODS, products(engine, *GOODS), strict=True)
    assert [item for item, product in marks if not product] == []


@pytest.mark.parametrize(
    ("category", "product"),
    [
        ("Other > Bank Charges", False),
        ("COUPON > COUPONS/STORE & MFG", False),
        ("Coupons > Coffee", True),
        ("Shipping boxes", True),
        (None, True),
    ],
)
def test_the_last_part_of_the_category_speaks_too(
    engine: Engine, category: str | None, product: bool
) -> None:
    assert products(engine, ("50", "Thing"), category=category) == [product]


def test_where_ids_are_words_a_word_says_nothing(engine: Engine) -> None:
    found = united(engine, [{"item_id": word, "title": None} for word in ("tea", "post", "x")])
    assert all(row["is_product"] for row in found.values())


def test_where_nothing_has_a_title_an_odd_id_says_nothing(engine: Engine) -> None:
    numbers = [{"item_id": str(n)} for n in range(100)]
    assert united(engine, [*numbers, {"item_id": "PADS"}])["PADS"]["is_product"]


# -- packs -------------------------------------------------------------------------------------


def test_an_unknown_pack_names_those_there_are() -> None:
    with pytest.raises(ConfigInvalid, match=r"no pack `retial`, expected one of .*retail"):
        load_pack("retial")


def test_the_words_of_every_pack_are_as_titles_are_compared() -> None:
    for path in (Path(prepare.__file__).parents[1] / "domains").glob("*/pack.toml"):
        pack = load_pack(path.parent.name)
        assert {"en", "zh"} <= set(pack.title)
        services = pack.services
        lists = [getattr(services, name) for name in services.__struct_fields__]
        for words in lists:
            assert len(set(words)) == len(words)
            for phrase in words:
                assert phrase == " ".join(phrase.lower().split())
                assert all(part.isalpha() for part in phrase.split()), phrase
