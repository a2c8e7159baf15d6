"""The items: their category, popularity and price, and what the shop's list says of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bespeak.synth.plan import Floats, Plan, Whole, mixed, share_of
from bespeak.synth.segments import CATEGORIES
from bespeak.synth.spelling import digits, joined

_KINDS = {
    "Grocery": ("Rice 大米", "Noodles 面条", "Sauce 酱料", "Snacks 零食"),
    "Fresh": ("Fruit 水果", "Vegetables 蔬菜", "Meat 肉类", "Fish 水产"),
    "Drinks": ("Tea 茶叶", "Coffee 咖啡", "Juice 果汁", "Water 饮用水"),
    "Baby": ("Nappies 纸尿裤", "Formula 奶粉", "Toys 玩具", "Clothes 童装"),
    "Home": ("Kitchen 厨具", "Bedding 床品", "Lamps 灯具", "Storage 收纳"),
    "Beauty": ("Cream 面霜", "Lipstick 口红", "Shampoo 洗发水", "Perfume 香水"),
    "Clothing": ("Shirts 衬衫", "Dresses 连衣裙", "Shoes 鞋", "Coats 外套"),
    "Electronics": ("Phones 手机", "Headphones 耳机", "Cameras 相机", "Chargers 充电器"),
    "Sports": ("Running 跑步", "Yoga 瑜伽", "Cycling 骑行", "Camping 露营"),
    "Garden": ("Pots 花盆", "Seeds 种子", "Tools 工具", "Furniture 户外家具"),
}
_LINES = ("Classic", "Family", "Fresh", "Gold", "Light", "Nature", "Plus", "Prime", "Pure", "Urban")
_LINES_ZH = ("经典", "家庭装", "鲜选", "金装", "轻享", "自然", "加量", "优选", "纯净", "都市")
_BRANDS = tuple(f"{a}{b}" for a in ("Hai", "Lin", "Mei", "Bo", "Yun", "Ti") for b in
                ("an", "dor", "fu", "ka", "lo", "ri", "sen", "tao"))  # fmt: skip


@dataclass(frozen=True)
class Catalogue:
    """One entry per item, category by category, the most popular of each first.

    starts : where each category begins; one more at the end
    base   : usual price in hundredths
    """

    plan: Plan
    starts: Whole
    category: NDArray[np.int8]
    base: Whole

    def popular(self, category: Whole | NDArray[np.int8], point: Floats) -> Whole:
        """The item at a point of [0, 1) of a category's popularity, which is Zipf's (exponent 1).

        The r-th of m items covers log((r + 1) / r) / log(m + 1) of the points.
        """
        size = (self.starts[1:] - self.starts[:-1])[category]
        rank = np.exp(point * np.log(size + 1.0)).astype(np.int64) - 1
        item: Whole = self.starts[:-1][category] + np.minimum(rank, size - 1)
        return item

    def price(self, item: Whole, day: Whole) -> Whole:
        """Shelf price in hundredths: it moves from week to week, and halves in a clearance."""
        week = item * 1_024 + day // 7
        noise = share_of(week, 21) + share_of(week, 22)
        cleared = np.where(share_of(week, 23) < 0.006, 0.45 + 0.15 * noise, 0.85 + 0.15 * noise)
        cents: Whole = np.rint(self.base[item] * cleared).astype(np.int64)
        return np.maximum(cents, 1)


def stock(plan: Plan) -> Catalogue:
    """The items of a world: some twenty bytes each."""
    shares = np.cumsum([0.0, *(share for _, _, share, _ in CATEGORIES)])
    starts = np.rint(shares / shares[-1] * plan.items).astype(np.int64)
    category = np.repeat(np.arange(len(CATEGORIES)), np.diff(starts)).astype(np.int8)
    usual = np.array([price for *_, price in CATEGORIES])[category]
    base = usual * plan.chance(2).lognormal(0.0, 0.6, plan.items) * 100
    return Catalogue(plan, starts, category, np.maximum(np.rint(base).astype(np.int64), 50))


def item_ids(item: Whole) -> Any:
    """`P` and seven digits, in no order."""
    return digits((item * 4_782_969 + 31) % 10**7, 7, "P")


def described(catalogue: Catalogue, item: Whole) -> dict[str, Any]:
    """What the shop's list says: title_en, title_zh, category, brand, price (hundredths)."""
    own = mixed(item, 31)
    kind = (own % np.uint64(4)).astype(np.int64) + 4 * catalogue.category[item]
    line = ((own >> np.uint64(8)) % np.uint64(len(_LINES))).astype(np.int64)
    brand = ((own >> np.uint64(16)) % np.uint64(len(_BRANDS))).astype(np.int64)
    number = pa.array(item % 900 + 100).cast(pa.string())
    kinds = [each for name, *_ in CATEGORIES for each in _KINDS[name]]
    english, chinese = zip(*(each.split(" ") for each in kinds), strict=True)
    paths = [f"{name} > {each.split(' ')[0]}" for name, *_ in CATEGORIES for each in _KINDS[name]]
    brands = pa.array(_BRANDS).take(pa.array(brand))
    return {
        "title_en": joined(
            brands, " ", pa.array(_LINES).take(pa.array(line)), " ",
            pa.array(english).take(pa.array(kind)), " ", number,
        ),
        "title_zh": joined(
            pa.array(_LINES_ZH).take(pa.array(line)), pa.array(chinese).take(pa.array(kind)), number
        ),
        "category": pa.array(paths).take(pa.array(kind)),
        "brand": brands,
        "price": catalogue.base[item],
    }  # fmt: skip
