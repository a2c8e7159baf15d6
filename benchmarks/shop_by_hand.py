"""What collect and prepare make of a made-up shop, written by hand as SQL for DuckDB.

It reads the same raw files, finds equal rows and rows of the same key, sets aside what can't be
read or can't be, hashes personal identifiers, judges and fills prices beside those of their item,
writes the same columns, and finds items, people and customers. It knows the shop: which columns
may be wrong, that its clock is eight hours ahead, which field is the key. It does not say which
line of a text file a row was, complete a row from its copies, or quote what it sets aside.
"""

from __future__ import annotations

import time
from pathlib import Path

import duckdb

MACROS = r"""
CREATE MACRO said(x) AS CASE WHEN trim(x) IN ('', 'N/A', '-') THEN NULL ELSE trim(x) END;
CREATE MACRO hashed(space, x) AS
  space || ':' || left(sha256('outer' || sha256('inner' || space || ':' || x)), 32);
CREATE MACRO email(x) AS hashed('email', lower(said(x)));
CREATE MACRO card(x) AS hashed('card', nullif(regexp_replace(said(x), '[ -]', '', 'g'), ''));
CREATE MACRO phone(x) AS
  hashed('phone', regexp_replace(regexp_replace(said(x), '[^0-9]', '', 'g'), '^00', ''));
CREATE MACRO far(x, usual) AS
  CASE WHEN x <= 0 THEN NULL WHEN x >= usual THEN x / usual - 1 ELSE 1 - usual / x END;
"""

SETTINGS = """
SET memory_limit = '{memory}'; SET threads = {threads}; SET temp_directory = '{out}/spill';
SET preserve_insertion_order = false; SET TimeZone = 'UTC';
"""

# source -> its rows as they are, with their file
RAW = {
    "web": "SELECT * EXCLUDE (file_row_number), file_row_number AS row FROM read_parquet("
    "'{raw}/web-*.parquet', filename = 'file', file_row_number = true)",
    "app": "SELECT * FROM read_json('{raw}/app-*.jsonl', format = 'newline_delimited',"
    " ignore_errors = true, filename = 'file', columns = {{id: 'VARCHAR', ts: 'VARCHAR',"
    " received: 'VARCHAR', device: 'VARCHAR', account: 'VARCHAR', event: 'VARCHAR',"
    " item: 'VARCHAR', qty: 'VARCHAR', price: 'VARCHAR', \"order\": 'VARCHAR'}})",
    "till": "SELECT * FROM read_csv('{raw}/till-*.csv', delim = ';', header = true,"
    " all_varchar = true, ignore_errors = true, store_rejects = true, filename = 'file')",
    "mail": "SELECT * FROM read_csv('{raw}/mail-*.csv', header = true, all_varchar = true,"
    " filename = 'file')",
    "crm": "SELECT * FROM read_csv('{raw}/crm-*.csv', header = true, all_varchar = true,"
    " filename = 'file')",
    "catalogue": "SELECT * FROM read_json('{raw}/catalogue-*.jsonl', filename = 'file',"
    " format = 'newline_delimited', columns = {{sku: 'VARCHAR', title_en: 'VARCHAR',"
    " title_zh: 'VARCHAR', category: 'VARCHAR', brand: 'VARCHAR', price: 'VARCHAR'}})",
}
# what names a row; mail has nothing of the kind
KEYS = {"web": "event_id", "app": "id", "till": "(receipt || '-' || line)", "mail": "hash({all})",
        "crm": "account", "catalogue": "sku"}  # fmt: skip

# source -> the record's columns; `quantity_`, `price_` stand as they came
TYPED = {
    "web": """
      said(event_id) AS event_id, 'customer:' || said(account) AS c, email(email) AS e,
      'cookie:' || said(cookie) AS k, coalesce(c, e, k) AS actor, session AS session_id,
      said(order_id) AS order_id, said(item_id) AS item_id, CASE event WHEN 'product_view' THEN
      'view' WHEN 'add_to_cart' THEN 'cart' ELSE event END AS type, ts::VARCHAR AS time_,
      timezone('UTC', ts) AS time, quantity::VARCHAR AS quantity_, unit_price::VARCHAR AS price_,
      discount::DECIMAL(18, 4) AS discount, NULL::VARCHAR AS place, NULL::VARCHAR AS device,
      NULL::VARCHAR AS request_id, NULL::VARCHAR AS properties""",
    "app": """
      said(id) AS event_id, 'customer:' || said(account) AS c, NULL AS e,
      'device:' || said(device) AS k, coalesce(c, k) AS actor, NULL::VARCHAR AS session_id,
      said("order") AS order_id, said(item) AS item_id, event AS type, received AS time_,
      make_timestamp(try_cast(received AS BIGINT) * 1000) AS time, said(qty) AS quantity_,
      said(price) AS price_, NULL::DECIMAL(18, 4) AS discount, NULL::VARCHAR AS place,
      said(device) AS device, NULL::VARCHAR AS request_id,
      CASE WHEN abs(try_cast(ts AS BIGINT) - try_cast(received AS BIGINT)) > 3600000
      THEN 'clock off' END AS properties""",
    "till": """
      receipt || '-' || line AS event_id, NULL AS c, NULL AS e, card(card) AS k, k AS actor,
      NULL::VARCHAR AS session_id, said(receipt) AS order_id, said(sku) AS item_id,
      CASE kind WHEN 'sale' THEN 'purchase' WHEN 'refund' THEN 'return' ELSE kind END AS type,
      said(time) AS time_, try_cast(time AS TIMESTAMP) - INTERVAL 8 HOURS AS time,
      said(qty) AS quantity_, said(unit_price) AS price_,
      try_cast(said(discount) AS DECIMAL(18, 4)) AS discount, said(store) AS place,
      NULL::VARCHAR AS device, NULL::VARCHAR AS request_id, NULL::VARCHAR AS properties""",
    "mail": """
      'mail-' || md5(file)[:12] || '-' || row AS event_id, NULL AS c, email(email) AS e,
      NULL AS k, e AS actor, NULL::VARCHAR AS session_id, NULL::VARCHAR AS order_id,
      NULL::VARCHAR AS item_id, CASE event WHEN 'sent' THEN 'send' WHEN 'opened' THEN 'open'
      WHEN 'clicked' THEN 'click' ELSE event END AS type, said(time) AS time_,
      timezone('UTC', try_cast(time AS TIMESTAMPTZ)) AS time, NULL::VARCHAR AS quantity_,
      NULL::VARCHAR AS price_, NULL::DECIMAL(18, 4) AS discount, NULL::VARCHAR AS place,
      NULL::VARCHAR AS device, said(campaign) AS request_id, NULL::VARCHAR AS properties""",
    "crm": """
      'customer:' || said(account) AS actor, actor AS c, email(email) AS e, card(card) AS k,
      phone(phone) AS p, said(name) AS name, said(birth_year) AS number_,
      try_cast(said(birth_year) AS BIGINT) AS number, said(gender) AS gender,
      said(city) AS city, 'marketing: ' || said(consent) AS consent,
      try_cast(joined AS TIMESTAMP) - INTERVAL 8 HOURS AS time""",
    "catalogue": """
      said(sku) AS item_id, concat(title_en, ' ', title_zh) AS title, said(category) AS category,
      said(brand) AS brand, said(price) AS number_,
      try_cast(said(price) AS DECIMAL(18, 4)) AS number""",
}
EVENTS = ("web", "app", "till", "mail")

REASON = """
  CASE WHEN {broken} THEN 'invalid_json'
    WHEN time_ IS NULL THEN 'missing_time' WHEN time IS NULL THEN 'unparsable_time'
    WHEN quantity_ IS NOT NULL AND quantity IS NULL THEN 'unparsable_number'
    WHEN price_ IS NOT NULL AND price IS NULL THEN 'unparsable_number'
    WHEN type IS NULL THEN 'missing_type'
    WHEN time < '{start}' OR time > '{end}' THEN 'impossible_time'
    WHEN abs(quantity) > 5000 THEN 'impossible_quantity'
    WHEN quantity < 0 AND type <> 'return' THEN 'negative_quantity'
    WHEN price < 0 AND type <> 'return' THEN 'negative_price' END AS reason
"""
NUMBERS = """, try_cast(quantity_ AS DOUBLE) AS quantity,
  try_cast(price_ AS DECIMAL(18, 4)) AS price"""

# rows whose key comes again; equal rows among them are ranked
AGAIN = """
CREATE TEMP TABLE {s}_again AS
  SELECT {key} AS key FROM {s}_raw WHERE {key} IS NOT NULL GROUP BY 1 HAVING count(*) > 1;
CREATE TEMP TABLE {s}_alike AS
  SELECT *, row_number() OVER (PARTITION BY {all} ORDER BY file, row) AS copy
  FROM {s}_raw WHERE {key} IN (SELECT key FROM {s}_again);
CREATE TEMP TABLE {s}_gone AS
  SELECT file, row, 'exact_duplicate' AS reason FROM {s}_alike WHERE copy > 1
"""
SAME_KEY = """
INSERT INTO {s}_gone
  SELECT file, row, 'same_key' FROM (
    SELECT file, row, row_number() OVER (PARTITION BY {key} ORDER BY file, row) AS n
    FROM {s}_alike JOIN (SELECT file, row FROM {s}_typed WHERE reason IS NULL) USING (file, row)
    WHERE copy = 1) WHERE n > 1
"""
TYPED_VIEW = """
CREATE TEMP VIEW {s}_typed AS SELECT *, {reason} FROM (
  SELECT {columns}, file, row {numbers} FROM {s}_raw)
"""
QUARANTINE = """
COPY (SELECT '{s}' AS source, file, row, reason FROM {s}_typed ANTI JOIN {s}_gone
      USING (file, row) WHERE reason IS NOT NULL)
TO '{out}/{s}_quarantine.parquet' (FORMAT parquet)
"""
MERGED = "COPY (FROM {s}_gone) TO '{out}/{s}_merged.parquet' (FORMAT parquet)"
LINKS = """
CREATE TEMP TABLE {s}_links AS
WITH seen AS (SELECT {names}, count(*) AS rows, min(row) AS first_row FROM {s}_typed
  ANTI JOIN {s}_gone USING (file, row) WHERE reason IS NULL GROUP BY ALL)
SELECT least(one, other) AS a, greatest(one, other) AS b, sum(rows) AS rows,
  min(first_row) AS first_row FROM ({pairs})
WHERE one IS NOT NULL AND other IS NOT NULL GROUP BY ALL
"""

# prices beside those of their item; quantities beside all
MEASURED = """
CREATE TEMP TABLE {s}_seen AS SELECT item_id, price, quantity FROM {s}_typed WHERE reason IS NULL;
CREATE TEMP TABLE {s}_usual AS SELECT item_id, quantile_disc(price, 0.5)::DOUBLE AS usual,
  mode(price) AS fill FROM {s}_seen WHERE price > 0 AND item_id IS NOT NULL GROUP BY 1;
CREATE TEMP TABLE {s}_fences AS
  WITH q AS (SELECT quantile_cont(quantity, 0.25) AS low, quantile_cont(quantity, 0.75) AS high
             FROM {s}_seen),
  f AS (SELECT far(price::DOUBLE, usual) AS d FROM {s}_seen JOIN {s}_usual USING (item_id)),
  m AS (SELECT median(d) AS mid FROM f),
  r AS (SELECT median(abs(d - mid)) * 1.4826 AS mad FROM f, m)
  SELECT low - 20 * (high - low) AS q_low, high + 20 * (high - low) AS q_high,
    mid - 30 * mad AS p_low, mid + 30 * mad AS p_high FROM q, m, r
"""
WRITE_EVENTS = """
COPY (
  SELECT event_id, actor, session_id, order_id, t.item_id, type, time, '{s}' AS channel,
    abs(quantity) AS quantity, coalesce(price, fill) AS price,
    abs(coalesce(price, fill) * quantity)::DECIMAL(18, 4) AS value, discount, 'CNY' AS currency,
    place, device, request_id, NULL::BIGINT AS position, properties,
    nullif(concat_ws(',',
      CASE WHEN quantity < q_low OR quantity > q_high THEN 'quantity:outlier' END,
      CASE WHEN far(price::DOUBLE, usual) < p_low OR far(price::DOUBLE, usual) > p_high
        THEN 'price:outlier' END, CASE WHEN price IS NULL AND fill IS NOT NULL
        THEN 'price:filled' END), '') AS flags, '{s}' AS source, file, row {month}
  FROM {s}_typed t ANTI JOIN {s}_gone USING (file, row) LEFT JOIN {s}_usual u
    ON t.item_id = u.item_id, {s}_fences WHERE reason IS NULL
) TO '{out}/events/{s}{suffix}'
  (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1 {split})
"""
WRITE_OTHER = """
COPY (SELECT * EXCLUDE (reason, number_), '{s}' AS source FROM {s}_typed
  ANTI JOIN {s}_gone USING (file, row) WHERE reason IS NULL)
TO '{out}/{s}.parquet' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)
"""

# people: identifiers of one row, but for those that many share
PEOPLE = """
CREATE TEMP TABLE pairs AS SELECT a, b, sum(rows) AS rows FROM (
  FROM web_links UNION ALL FROM app_links UNION ALL FROM crm_links) GROUP BY ALL;
CREATE TEMP TABLE shared AS
  SELECT DISTINCT x FROM (
    SELECT x, split_part(y, ':', 1) AS n, count(DISTINCT y) AS c
    FROM (SELECT a AS x, b AS y FROM pairs UNION ALL SELECT b, a FROM pairs) GROUP BY ALL)
  WHERE split_part(x, ':', 1) <> n
    AND c > CASE WHEN n = 'customer' THEN 3 ELSE 20 END;
CREATE TEMP TABLE edges AS
  WITH used AS (SELECT a, b FROM pairs ANTI JOIN shared ON a = x ANTI JOIN shared s ON b = s.x)
  SELECT a AS x, b AS y FROM used UNION ALL SELECT b, a FROM used;
CREATE TEMP TABLE labels AS
  SELECT x, least(x, min(y)) AS label FROM edges GROUP BY 1
"""
ROUND = """
CREATE OR REPLACE TEMP TABLE labels AS
  WITH near AS (SELECT e.x, min(l.label) AS label FROM edges e JOIN labels l ON e.y = l.x
    GROUP BY 1),
  down AS (SELECT x, least(n.label, l.label) AS label FROM labels l JOIN near n USING (x))
  SELECT d.x, least(d.label, up.label) AS label FROM down d JOIN down up ON d.label = up.x
"""
OPEN = "SELECT count(*) FROM edges e JOIN labels l ON e.x = l.x JOIN labels m ON e.y = m.x \
WHERE l.label <> m.label"
UNITED = """
CREATE TEMP TABLE nodes AS
  SELECT x, coalesce(label, x) AS label FROM (
    SELECT DISTINCT actor AS x FROM '{out}/events/**/*.parquet' WHERE actor IS NOT NULL
    UNION SELECT a FROM pairs UNION SELECT b FROM pairs UNION SELECT actor FROM '{out}/crm.parquet')
  LEFT JOIN labels USING (x);
COPY (
  SELECT x AS actor, split_part(x, ':', 1) AS namespace, x[strpos(x, ':') + 1:] AS value,
    coalesce(min(x) FILTER (x LIKE 'customer:%') OVER (PARTITION BY label), label) AS customer_id,
    w.rows AS evidence
  FROM nodes LEFT JOIN (
    SELECT y AS x, max(rows) AS rows FROM (SELECT a AS y, rows FROM pairs UNION ALL SELECT b, rows
    FROM pairs) GROUP BY 1) w USING (x)
) TO '{out}/identities.parquet' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1);
COPY (
  SELECT item_id, title, category, brand, c.number AS price,
    NOT regexp_matches(lower(coalesce(title, '')), '^(postage|coupon|fee|deposit)$') AS is_product
  FROM (SELECT DISTINCT item_id FROM '{out}/events/**/*.parquet' WHERE item_id IS NOT NULL
        UNION SELECT item_id FROM '{out}/catalogue.parquet')
  LEFT JOIN '{out}/catalogue.parquet' c USING (item_id)
) TO '{out}/items.parquet' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1);
COPY (
  WITH who AS (SELECT customer_id, count(*) AS identifiers FROM '{out}/identities.parquet'
    GROUP BY 1),
  seen AS (SELECT customer_id, min(time) AS first_seen, max(time) AS last_seen
           FROM '{out}/events/**/*.parquet' JOIN '{out}/identities.parquet' USING (actor)
           GROUP BY 1),
  told AS (SELECT customer_id, any_value(c.name) AS name, any_value(number) AS birth_year,
             any_value(gender) AS gender, any_value(city) AS city, any_value(consent) AS consent
           FROM '{out}/crm.parquet' c JOIN '{out}/identities.parquet' USING (actor) GROUP BY 1)
  SELECT * FROM who LEFT JOIN told USING (customer_id) LEFT JOIN seen USING (customer_id)
) TO '{out}/customers.parquet' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)
"""
SPLIT_ROWS = 2_000_000
"""From so many rows on, events are written by month, as bespeak does."""

Account = dict[str, dict[str, int]]


def prepare(shop: Path, out: Path, *, memory: str, threads: int) -> tuple[float, Account]:
    """Seconds of the SQL above, and source -> rows_in, kept, merged, quarantined."""
    (out / "events").mkdir(parents=True)
    started = time.perf_counter()
    with duckdb.connect() as connection:
        connection.execute(SETTINGS.format(memory=memory, threads=threads, out=out) + MACROS)
        account = {source: _source(connection, source, shop, out) for source in RAW}
        connection.execute(PEOPLE)
        while _one(connection, OPEN):
            connection.execute(ROUND)
        connection.execute(UNITED.format(out=out))
    return time.perf_counter() - started, account


def _source(
    connection: duckdb.DuckDBPyConnection, source: str, shop: Path, out: Path
) -> dict[str, int]:
    """One source: read, told apart, written, counted."""
    raw = RAW[source].format(raw=shop / "raw")
    if source == "web":  # Parquet is read where it lies
        connection.execute(f"CREATE TEMP VIEW web_raw AS {raw}")
    else:
        connection.execute(f"CREATE TEMP TABLE {source}_loaded AS {raw}")
        connection.execute(
            f"CREATE TEMP VIEW {source}_raw AS SELECT *, rowid AS row FROM {source}_loaded"
        )
    names = [row[0] for row in connection.execute(f"DESCRIBE {source}_raw").fetchall()]
    every = ", ".join(f'"{name}"' for name in names if name not in {"file", "row"})
    key = KEYS[source].format(all=every)
    connection.execute(AGAIN.format(s=source, key=key, all=every))
    connection.execute(_typed(source, shop))
    if source != "mail":
        connection.execute(SAME_KEY.format(s=source, key=key))
    rows = _one(connection, f"SELECT count(*) FROM {source}_raw")
    connection.execute(QUARANTINE.format(s=source, out=out))
    connection.execute(MERGED.format(s=source, out=out))
    _link(connection, source)
    if source in EVENTS:
        connection.execute(MEASURED.format(s=source))
        split = rows >= SPLIT_ROWS
        connection.execute(
            WRITE_EVENTS.format(
                s=source,
                out=out,
                month=", strftime(time, '%Y%m') AS month" if split else "",
                suffix="" if split else ".parquet",
                split=", PARTITION_BY (month)" if split else "",
            )
        )
    else:
        connection.execute(WRITE_OTHER.format(s=source, out=out))
    found = _counted(connection, source, out, rows)
    if source != "web":
        connection.execute(f"DROP TABLE {source}_loaded CASCADE")
    return found


def _typed(source: str, shop: Path) -> str:
    if source not in EVENTS:
        unread = "number_ IS NOT NULL AND number IS NULL"
        reason = f"CASE WHEN {unread} THEN 'unparsable_number' END AS reason"
        return TYPED_VIEW.format(s=source, columns=TYPED[source], numbers="", reason=reason)
    text = (shop / "bespeak.toml").read_text("utf-8")
    start, end = (text.split(f'{name} = "')[1].split('"')[0] for name in ("earliest", "latest"))
    reason = REASON.format(
        broken="event_id IS NULL",
        start=f"{start[:10]} 00:00:00'::TIMESTAMP - INTERVAL '8 hours",
        end=f"{end[:10]} 12:00:00'::TIMESTAMP - INTERVAL '8 hours",
    )
    return TYPED_VIEW.format(s=source, columns=TYPED[source], numbers=NUMBERS, reason=reason)


def _link(connection: duckdb.DuckDBPyConnection, source: str) -> None:
    """Pairs of identifiers that stand in one row."""
    names = {"web": "cek", "app": "ck", "crm": "cekp"}.get(source, "")
    if names:
        pairs = " UNION ALL ".join(
            f"SELECT {one} AS one, {other} AS other, rows, first_row FROM seen"
            for at, one in enumerate(names)
            for other in names[at + 1 :]
        )
        connection.execute(LINKS.format(s=source, names=", ".join(names), pairs=pairs))


def _counted(
    connection: duckdb.DuckDBPyConnection, source: str, out: Path, rows: int
) -> dict[str, int]:
    """The account: what was written, and lines that could not be split."""
    kept = f"{out}/events/{source}*" if source in EVENTS else f"{out}/{source}.parquet"
    if source in EVENTS and rows >= SPLIT_ROWS:
        kept = f"{out}/events/{source}/**/*.parquet"
    refused = 0
    if source == "till":
        refused = _one(connection, "SELECT count(DISTINCT (file_id, line)) FROM reject_errors")
    return {
        "rows_in": rows + refused,
        "kept": _one(connection, f"SELECT count(*) FROM read_parquet('{kept}')"),
        "merged": _one(connection, f"SELECT count(*) FROM '{out}/{source}_merged.parquet'"),
        "quarantined": refused
        + _one(connection, f"SELECT count(*) FROM '{out}/{source}_quarantine.parquet'"),
    }


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])
