"""The flow's relational steps beside hand-written DuckDB SQL that computes the same tables.

    python -m benchmarks.overhead [--times 3]

Both read the Complete Journey files, look for duplicates, check and convert every row, write the
record as Parquet split by month, find identities, describe items and customers, and compute the
feature tables and the interactions. Limit: 1.5 times the hand-written time, in the same run.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import tempfile
import time
from pathlib import Path

import duckdb

from benchmarks import machine
from bespeak import flow, start
from bespeak.workspace import Workspace

STEPS = ("prepare", "features")

DUPLICATES = """
SELECT count(*) FROM (
  SELECT h FROM (SELECT hash(t) AS h FROM '{data}/{file}.parquet' t) GROUP BY h HAVING count(*) > 1)
"""

EVENTS = """
COPY (
  SELECT 'transactions-' || file_row_number AS event_id, 'household:' || household_id AS actor,
    NULL::VARCHAR AS session_id, basket_id::VARCHAR AS order_id, product_id::VARCHAR AS item_id,
    'purchase' AS type, transaction_timestamp AS time, 'till' AS channel,
    quantity::DOUBLE AS quantity,
    (sales_value / nullif(quantity, 0))::DECIMAL(18, 4) AS price,
    sales_value::DECIMAL(18, 4) AS value,
    (retail_disc + coupon_disc + coupon_match_disc)::DECIMAL(18, 4) AS discount,
    'USD' AS currency, store_id::VARCHAR AS place, 'transactions' AS source,
    'transactions.parquet' AS file, file_row_number + 1 AS row,
    strftime(transaction_timestamp, '%Y-%m') AS month
  FROM read_parquet('{data}/transactions.parquet', file_row_number = true)
  WHERE sales_value IS NOT NULL AND transaction_timestamp IS NOT NULL AND quantity >= 0
    AND quantity <= 1e9 AND sales_value >= 0 AND year(transaction_timestamp) BETWEEN 1970 AND 2100
) TO '{out}/events' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, PARTITION_BY (month))
"""

PLACEMENTS = """
COPY (
  WITH weeks AS (  -- a zone's clock is dear to convert: once a week, not once a row
    SELECT week,
      timezone('America/New_York', TIMESTAMP '2016-12-19' + to_days((week * 7)::INT))::TIMESTAMP
        AS from_time,
      timezone('America/New_York', TIMESTAMP '2016-12-26' + to_days((week * 7)::INT))::TIMESTAMP
        AS to_time
    FROM (SELECT DISTINCT week FROM '{data}/promotions.parquet'))
  SELECT product_id::VARCHAR AS item_id, store_id::VARCHAR AS place, from_time, to_time,
    CASE WHEN display_location <> '0' AND mailer_location <> '0' THEN 'display and mailer'
         WHEN display_location <> '0' THEN 'display' ELSE 'mailer' END AS kind,
    display_location || '/' || mailer_location AS position, 'promotions' AS source,
    'promotions.parquet' AS file, file_row_number + 1 AS row,
    strftime(from_time, '%Y-%m') AS month
  FROM read_parquet('{data}/promotions.parquet', file_row_number = true) JOIN weeks USING (week)
  WHERE product_id IS NOT NULL
) TO '{out}/placements'
  (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, PARTITION_BY (month))
"""

ITEMS = """
COPY (
  SELECT product_id::VARCHAR AS item_id,
    product_type || coalesce(', ' || package_size, '') AS title,
    department || coalesce(' > ' || product_category, '') AS category,
    brand || ' ' || manufacturer_id AS brand,
    NOT regexp_matches(lower(coalesce(product_type, '')), '^(postage|coupon|fee|deposit)$')
      AS is_product
  FROM '{data}/products.parquet'
) TO '{out}/items.parquet' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)
"""

CUSTOMERS = """
COPY (
  SELECT e.household AS customer_id, d.income, d.household_comp, e.first_seen, e.last_seen
  FROM (SELECT actor[11:] AS household, min(time) AS first_seen, max(time) AS last_seen
        FROM '{out}/events/**/*.parquet' GROUP BY 1) e
  LEFT JOIN '{data}/demographics.parquet' d ON d.household_id::VARCHAR = e.household
) TO '{out}/customers.parquet' (FORMAT parquet)
"""

OFFERS = """
COPY (SELECT 'campaign ' || campaign_id AS offer_id, 'household:' || household_id AS actor,
             NULL AS item_id, NULL AS from_time FROM '{data}/campaigns.parquet'
      UNION ALL BY NAME
      SELECT 'campaign ' || campaign_id AS offer_id, start_date AS from_time
        FROM '{data}/campaign_descriptions.parquet'
      UNION ALL BY NAME
      SELECT DISTINCT 'coupon ' || coupon_upc AS offer_id, product_id::VARCHAR AS item_id
        FROM '{data}/coupons.parquet'
      UNION ALL BY NAME
      SELECT 'coupon ' || coupon_upc AS offer_id, 'household:' || household_id AS actor,
             redemption_date AS from_time FROM '{data}/coupon_redemptions.parquet'
) TO '{out}/offers.parquet' (FORMAT parquet, COMPRESSION zstd)
"""

CUSTOMER_FEATURES = """
COPY (
WITH instant AS (SELECT max(time) + INTERVAL 1 MICROSECOND AS t FROM '{out}/events/**/*.parquet'),
e AS (
  SELECT actor[11:] AS customer_id, order_id, item_id, time, quantity, value, discount,
    timezone('America/New_York', timezone('UTC', time)) AS clock,
    date_diff('day', time, t) AS age
  FROM '{out}/events/**/*.parquet', instant),
top AS (SELECT split_part(category, ' > ', 1) AS c, sum(value) AS v FROM e
        JOIN '{out}/items.parquet' USING (item_id) GROUP BY 1 ORDER BY v DESC LIMIT 12),
mix AS (
  SELECT customer_id, count(DISTINCT item_id) AS items_bought,
    count(DISTINCT split_part(category, ' > ', 1)) AS categories_bought,
    {shares}
  FROM e JOIN '{out}/items.parquet' USING (item_id) GROUP BY 1),
main AS (
  SELECT customer_id, min(age) AS recency, max(age) AS tenure, count(DISTINCT order_id) AS orders,
    sum(value) AS spend, sum(value * pow(2, -age / 90.0)) AS decayed,
    epoch(max(time)) - epoch(min(time)) AS span, count(*) AS lines, sum(quantity) AS quantity,
    sum(discount) / sum(value + discount) AS discount_share,
    count(DISTINCT order_id) FILTER (age < 28) AS orders_28d, sum(value) FILTER (age < 28) AS s28,
    count(DISTINCT order_id) FILTER (age < 91) AS orders_91d, sum(value) FILTER (age < 91) AS s91,
    sum(value) FILTER (age >= 28 AND age < 56) AS b28,
    sum(value) FILTER (age >= 91 AND age < 182) AS b91,
    count(DISTINCT date_trunc('hour', clock)) AS hours, {hours}
  FROM e GROUP BY 1)
SELECT *, span / nullif(orders - 1, 0) AS between, spend / orders AS basket_value
FROM main JOIN mix USING (customer_id)
) TO '{out}/customer_features.parquet' (FORMAT parquet)
"""

ITEM_FEATURES = """
COPY (
WITH instant AS (SELECT max(time) + INTERVAL 1 MICROSECOND AS t FROM '{out}/events/**/*.parquet'),
e AS (SELECT *, date_diff('day', time, t) AS age FROM '{out}/events/**/*.parquet', instant),
pairs AS (
  SELECT item_id, actor, count(*) AS n, sum(quantity) AS quantity, sum(value) AS value,
    min(time) AS first, max(time) AS last, min(price) AS low, max(price) AS high,
    arg_max(price, time) AS price_last, count(*) FILTER (age < 28) AS n28,
    count(*) FILTER (age < 91) AS n91, sum(value) FILTER (age < 28) AS v28,
    sum(value) FILTER (age < 91) AS v91
  FROM e GROUP BY ALL)
SELECT i.item_id, sum(n), count(actor), sum(quantity), sum(value), min(low), max(high),
  arg_max(price_last, last), avg((date_trunc('day', first) < date_trunc('day', last))::INT),
  max(last), sum(n28), sum(n91), sum(v28), sum(v91)
FROM '{out}/items.parquet' i LEFT JOIN pairs USING (item_id) GROUP BY 1
) TO '{out}/item_features.parquet' (FORMAT parquet)
"""


def by_hand(data: Path, out: Path) -> float:
    """Seconds of the SQL above."""
    started = time.perf_counter()
    with duckdb.connect() as connection:
        connection.execute(
            f"SET memory_limit = '2GB'; SET temp_directory = '{out}/spill';"
            " SET preserve_insertion_order = false; SET TimeZone = 'UTC'"
        )
        for file in ("transactions", "products", "demographics", "campaigns", "coupons",
                     "campaign_descriptions", "coupon_redemptions", "promotions"):  # fmt: skip
            connection.execute(DUPLICATES.format(data=data, file=file)).fetchall()
        for query in (
            EVENTS,
            PLACEMENTS,
            ITEMS,
            CUSTOMERS,
            OFFERS,
            CUSTOMER_FEATURES,
            ITEM_FEATURES,
        ):
            connection.execute(
                query.format(data=data, out=out, shares=_shares(), hours=_hours())
            ).fetchall()
    return time.perf_counter() - started


def _shares() -> str:
    """Spend in each of the top categories."""
    return ", ".join(
        "sum(value) FILTER (split_part(category, ' > ', 1) ="
        f" (SELECT c FROM top LIMIT 1 OFFSET {n})) AS share_{n}"
        for n in range(12)
    )


def _hours() -> str:
    """Active hours by part of the day and by weekday."""
    hour = "count(DISTINCT date_trunc('hour', clock)) FILTER"
    parts = [f"{hour} (hour(clock) // 6 = {n}) AS part_{n}" for n in range(4)]
    days = [f"{hour} (isodow(clock) = {n}) AS day_{n}" for n in range(1, 8)]
    return ", ".join(parts + days)


def by_flow(folder: Path) -> float:
    """Seconds of the flow's collect, prepare and features."""
    workspace: Workspace = start.demo_workspace(folder)
    started = time.perf_counter()
    flow.run(workspace, only="features")
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=3)
    times = parser.parse_args().times
    package = importlib.util.find_spec(start.DEMO_PACKAGE)
    assert package is not None and package.origin is not None, "pip install 'bespeak[demo]'"
    data = Path(package.origin).parent / "data"
    hand, ours = [], []
    for _ in range(times):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "out").mkdir()
            hand.append(by_hand(data, Path(folder) / "out"))
            ours.append(by_flow(Path(folder) / "demo"))
    ratio = statistics.median(one / other for one, other in zip(ours, hand, strict=True))
    print(f"Collect, prepare and features, {machine.described()}, median of {times}\n")
    rows = [["hand-written SQL", f"{statistics.median(hand):.1f}", "1.00"],
            ["bespeak's flow", f"{statistics.median(ours):.1f}", f"{ratio:.2f}"]]  # fmt: skip
    print(machine.table(["what", "seconds", "ratio (limit 1.5)"], rows))


if __name__ == "__main__":
    main()
