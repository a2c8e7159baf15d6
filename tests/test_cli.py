"""The command line teaches, prints JSON on request, and never shows a traceback."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from bespeak.cli import app
from bespeak.tasks import Tasks

COMMANDS = ("init", "run", "status", "recommend", "evaluate", "serve", "demo", "tasks", "rollback")
CONFIG = """
[workspace]
name = "Little"
[segments]
bootstrap = 3
k_max = 3
[[sources]]
name = "orders"
channel = "till"
files = ["orders*.csv"]
identifiers = { customer = "who" }
[sources.columns]
type = { constant = "purchase" }
time = "when"
item_id = "what"
order_id = "bill"
quantity = "n"
price = "price"
"""
HEADER = "bill,who,what,n,price,when\n"


def bespeak(*words: str) -> Any:
    return CliRunner().invoke(app, list(words))


def lines(days: int = 40) -> str:
    rows = [
        f"b{day}-{who},c{who},i{(day + who) % 6},1,2.50,2025-03-{day % 28 + 1:02d} 10:{who:02d}"
        for day in range(days)
        for who in range(8)
    ]
    return HEADER + "\n".join(rows) + "\n"


@pytest.fixture
def little(tmp_path: Path) -> Path:
    """A workspace of one small file."""
    return write(tmp_path)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same after its first run, for tests that only look at it."""
    folder = write(tmp_path_factory.mktemp("ran"))
    assert bespeak("run", "-w", str(folder)).exit_code == 0
    return folder


def write(folder: Path) -> Path:
    (folder / "bespeak.toml").write_text(CONFIG, encoding="utf-8")
    (folder / "orders.csv").write_text(lines(), encoding="utf-8")
    return folder


def spoil(folder: Path, old: str, new: str) -> None:
    config = folder / "bespeak.toml"
    text = config.read_text("utf-8")
    assert old in text
    config.write_text(text.replace(old, new), encoding="utf-8")


def told(folder: Path) -> str:
    """What `bespeak run` says when it can't: on one line, without a traceback."""
    result = bespeak("run", "-w", str(folder))
    assert result.exit_code == 1, result.output
    assert "Traceback" not in result.output and result.stdout == ""
    return " ".join(result.output.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    result = bespeak(command, "--help")
    assert result.exit_code == 0 and "Usage" in result.output
    if command not in {"serve"}:
        assert "--json" in result.output


def test_a_folder_that_is_no_workspace_is_told_how_to_become_one(tmp_path: Path) -> None:
    for command in ("run", "status", "recommend x", "serve", "quarantine list"):
        result = bespeak(*command.split(), "-w", str(tmp_path))
        assert result.exit_code == 1 and "bespeak init" in " ".join(result.output.split())


def test_a_run_a_status_a_list_and_a_table(little: Path) -> None:
    place = ("-w", str(little), "--json")
    ran = json.loads(bespeak("run", *place).stdout)
    assert ran["changed"] and {step["state"] for step in ran["steps"]} == {"done"}
    status = json.loads(bespeak("status", "--recount", *place).stdout)
    account = status["account"][0]
    assert (account["source"], account["rows_in"], account["kept"]) == ("orders", 320, 320)
    answer = json.loads(bespeak("recommend", "c1", "-k", "3", *place).stdout)
    assert len(answer["items"]) == 3
    table = json.loads(bespeak("evaluate", "-k", "3", *place).stdout)
    assert {row["name"] for row in table["models"]} == {"popular", "frequency", "item_knn", "graph"}
    assert all(0 <= row["recall@3"] <= 1 for row in table["models"])
    again = bespeak("run", "-w", str(little))
    assert "Nothing has changed" in again.output


def test_session_files_are_evaluated(tmp_path: Path) -> None:
    files: dict[str, dict[str, Any]] = {
        "train": {"session": [["a", "b", "c"]] * 3},
        "test": {"prefix": [["a", "b"]], "target": ["c"]},
    }
    for name, columns in files.items():
        pq.write_table(pa.table(columns), tmp_path / f"{name}.parquet")
    given = [f"--{name}={tmp_path / name}.parquet" for name in files]
    asked = ("evaluate", *given, "--model", "session_knn", "--model", "transitions", "-k", "2")
    table = json.loads(bespeak(*asked, "--json").stdout)
    assert [row["name"] for row in table["models"]] == ["session_knn", "transitions"]
    assert all(row["hit@2"] == 1.0 for row in table["models"])
    assert "1 session prefixes" in bespeak(*asked).output
    (tmp_path / "test.parquet").unlink()
    assert "there is no such file" in " ".join(bespeak(*asked).output.split())


def test_auto_is_one_line_named_by_what_won_with_its_evidence(tmp_path: Path) -> None:
    board = [(c, i) for c in range(20) for i in range(20) if c % 2 == i % 2]
    pairs = {"train": [p for p in board if p[0] != p[1]], "test": [(c, c) for c in range(20)]}
    for name, rows in pairs.items():
        text = "".join(f"c{c},i{i}\n" for c, i in rows)
        (tmp_path / f"{name}.csv").write_text("user,item\n" + text)
    given = [f"--{name}={tmp_path / name}.csv" for name in pairs]
    asked = ("evaluate", *given, "--model", "auto", "--budget", "5", "-k", "3")
    table = json.loads(bespeak(*asked, "--json", "--by", "popularity").stdout)
    (row,) = table["models"]
    assert row["name"] == table["search"]["chosen"] and row["hit@3"] == 1.0
    assert row["slices"] and len(table["search"]["tried"]) > 5
    shown = bespeak(*asked, "--evidence", "--by", "activity")
    said = " ".join(shown.output.split())
    assert shown.exit_code == 0 and "the best so far" in said and "auto chose" in said
    assert "it offers only what its customer has" in said
    both = " ".join(bespeak(*asked, "--model", "popular").output.split())
    assert "better than popular: ndcg@3" in both and "Holm" in both


def test_auto_with_nothing_to_choose_by_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("c1 i1\nc2 i2\n")
    (tmp_path / "b.txt").write_text("c1 i2\n")
    files = (f"--train={tmp_path / 'a.txt'}", f"--test={tmp_path / 'b.txt'}")
    result = bespeak("evaluate", *files, "--model", "auto", "--evidence")
    said = " ".join(result.output.split())
    assert result.exit_code == 0 and "auto chose item_knn: nothing can be held back" in said
    assert "this is the default, untested" in said


@pytest.mark.parametrize("budget", ["0", "-3", "nan"])
def test_a_budget_that_is_none_is_refused(tmp_path: Path, budget: str) -> None:
    (tmp_path / "a.txt").write_text("c1 i1 i2\n")
    files = (f"--train={tmp_path / 'a.txt'}", f"--test={tmp_path / 'a.txt'}")
    result = bespeak("evaluate", *files, "--model", "auto", "--budget", budget)
    assert result.exit_code == 1 and "seconds, a number above 0" in " ".join(result.output.split())


def test_what_auto_finds_is_fitted_compared_and_served_by_its_own_name(little: Path) -> None:
    spoil(
        little, "[segments]", '[recommend]\nmodels = ["popular", "auto"]\nbudget_s = 20\n[segments]'
    )
    place = ("-w", str(little), "--json")
    steps = json.loads(bespeak("run", *place).stdout)["steps"]
    assert "search" in {step["name"] for step in steps}
    folder = next((little / "artifacts" / "search").glob("*/search.json"))
    search = json.loads(folder.read_text("utf-8"))
    assert search["model"] in {step["name"] for step in steps}
    assert "days before the last" in search["held_back"] and search["tried"]
    assert json.loads(bespeak("recommend", "c1", "-k", "3", *place).stdout)["items"]
    table = json.loads(
        bespeak("evaluate", "--model", "auto", "--budget", "20", "--by", "segment", *place).stdout
    )
    (row,) = table["models"]
    assert row["name"] == table["search"]["chosen"]
    assert "Nothing has changed" in bespeak("run", "-w", str(little)).output


def test_tasks_and_a_rollback_are_told(little: Path) -> None:
    place = ("-w", str(little))
    assert bespeak("run", *place).exit_code == 0
    assert "no state to go back to" in bespeak("rollback", *place).output
    assert json.loads(bespeak("tasks", *place, "--json").stdout) == {"tasks": []}
    assert "No server has started a run" in bespeak("tasks", *place).output
    task = Tasks(little / "tasks").queue("asked")
    with Tasks(little / "tasks").hold(task) as log:
        log.info("one [bold] line")
    assert task.id in bespeak("tasks", *place).output
    assert "one [bold] line" in bespeak("tasks", task.id, *place).output
    shown = json.loads(bespeak("tasks", task.id, *place, "--json").stdout)
    assert (shown["state"], shown["seconds"]) == ("queued", None) and len(shown["log"]) == 1
    first = json.loads(bespeak("status", *place, "--json").stdout)["served"]
    (little / "orders2.csv").write_text(lines(days=9).replace("b", "x", 9))
    assert bespeak("run", *place).exit_code == 0
    second = json.loads(bespeak("status", *place, "--json").stdout)["served"]
    assert second["before"] == first["version"] and second["undone"] is None
    back = bespeak("rollback", "--to", first["version"], *place, "--json")
    served = json.loads(back.stdout)
    assert (served["version"], served["undone"]) == (first["version"], second["version"])
    assert "Rolled back" in bespeak("status", *place).output


def test_tables_for_people_hold_what_the_json_holds(ran: Path, tmp_path: Path) -> None:
    place = ("-w", str(ran))
    assert "320" in bespeak("status", *place).output
    shown = bespeak("recommend", "c1", "--why", *place).output
    assert "why" in shown and "For customer c1" in shown
    assert "item_knn" in bespeak("evaluate", *place).output
    lists = ("recommend", "--everyone", "--out", str(tmp_path / "lists"), "-k", "3", *place)
    assert "customers/s" in bespeak(*lists).output
    made = json.loads(bespeak(*lists, "--json").stdout)
    assert made["rows"] == 3 * made["customers"] and made["without_list"] == 0
    assert "The quarantine is empty" in bespeak("quarantine", "list", *place).output


def test_files_are_measured_with_a_few_quick_models_where_none_is_named(tmp_path: Path) -> None:
    train, test = tmp_path / "train.txt", tmp_path / "test.txt"
    train.write_text("a x y z\nb x y z\nc x y\n", encoding="utf-8")
    test.write_text("c z\n", encoding="utf-8")
    files = ("evaluate", "--train", str(train), "--test", str(test), "-k", "1", "--json")
    found = {row["name"]: row for row in json.loads(bespeak(*files).stdout)["models"]}
    assert list(found) == ["popular", "item_knn", "graph", "als"]
    assert found["item_knn"]["recall@1"] == found["graph"]["recall@1"] == 1
    (named,) = json.loads(bespeak(*files, "--model", "ease").stdout)["models"]
    assert named["recall@1"] == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("recommend", "nobody"), "no customer `nobody`"),
        (("recommend", "c1", "-k", "0"), "from 1 to 1000"),
        (("recommend", "c1", "-k", "1000000000"), "from 1 to 1000"),
        (("recommend",), "give a customer"),
        (("recommend", "--everyone"), "takes --out"),
        (("recommend", "--everyone", "--out", "lists", "-k", "0"), "from 1 to 1000"),
        (("recommend", "--everyone", "--out", "lists", "--engine", "spork"), "no engine `spork`"),
        (("evaluate", "--model", "item_nkk"), "item_knn"),
        (("evaluate", "--train", "gone.txt"), "go together"),
        (("run", "--only", "segmetns"), "no stage `segmetns`"),
        (("run", "--engine", "spork"), "no engine `spork`"),
    ],
)
def test_a_wrong_word_gets_a_clear_answer(ran: Path, words: tuple[str, ...], said: str) -> None:
    result = bespeak(*words, "-w", str(ran))
    assert result.exit_code == 1
    assert said in " ".join(result.output.split()) and "Traceback" not in result.output
    told_json = bespeak(*words, "-w", str(ran), "--json")
    assert json.loads(told_json.stderr)["error"]["code"]


def test_a_missing_file_is_named(little: Path) -> None:
    (little / "orders.csv").unlink()
    assert "no file fits `orders*.csv`" in told(little)


def test_an_empty_file_is_named(little: Path) -> None:
    (little / "orders.csv").write_text("")
    assert "orders.csv" in told(little)


def test_an_unknown_column_is_named_with_the_nearest_one(little: Path) -> None:
    spoil(little, 'time = "when"', 'time = "wehn"')
    message = told(little)
    assert "`wehn`" in message and "`when`" in message and "orders" in message


def test_a_wrong_separator_is_named_with_the_likely_one(little: Path) -> None:
    spoil(little, 'channel = "till"', 'channel = "till"\nseparator = ";"')
    assert "," in told(little)


def test_a_header_that_names_a_column_twice_is_told(little: Path) -> None:
    (little / "orders.csv").write_text(lines().replace("bill,who", "who,who", 1))
    assert "`who`" in told(little)


def test_an_impossible_mapping_is_told(little: Path) -> None:
    spoil(little, 'price = "price"', 'price = { expression = "nosuch(price)" }')
    assert "nosuch" in told(little)


def test_bad_cells_go_to_the_quarantine_and_no_row_is_lost(little: Path) -> None:
    bad = [
        "x1,c1,i1,1,2.5,31.02.2025",
        "x2,c1,i1,-4,2.5,2025-03-01",
        "x3,c1,i1,9e99,2.5,2025-03-01",
        "x4,c1,i1,two,2.5,2025-03-01",
        "x5,c1,i1,1,free,2025-03-01",
        "x6,c1,i1",
        "x7,c1,i1,1,2,",
    ]
    (little / "orders2.csv").write_text(HEADER + "\n".join(bad) + "\n")
    ran = bespeak("run", "-w", str(little), "--json")
    assert ran.exit_code == 0, ran.output
    account = json.loads(bespeak("status", "--recount", "--json", "-w", str(little)).stdout)[
        "account"
    ][0]
    assert account["rows_in"] == 327 and account["kept"] == 320
    assert sum(account["quarantined"].values()) == 7
    shown = bespeak("quarantine", "list", "-w", str(little)).output
    assert "orders2.csv" in shown and "ragged_row" in shown


def test_a_file_of_other_encoding_is_read_as_it_is(little: Path) -> None:
    text = HEADER + "b1,Zoë,Crème brûlée,1,2.50,2025-03-01 10:00\n" * 3
    (little / "orders2.csv").write_bytes(text.encode("latin-1"))
    assert bespeak("run", "-w", str(little), "--json").exit_code == 0
    answer = json.loads(bespeak("recommend", "Zoë", "--json", "-w", str(little)).stdout)
    assert answer["customer_id"] == "Zoë"


def test_a_locked_workspace_says_that_a_run_is_at_work(little: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from bespeak.workspace import Workspace\n"
        "with Workspace(Path(sys.argv[1])).lock(): print('held', flush=True); time.sleep(30)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(little)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == "held"
        assert "another run" in told(little)
    finally:
        holder.kill()
        holder.wait()


def test_the_secret_key_is_the_owners_alone(little: Path) -> None:
    assert bespeak("run", "-w", str(little), "--json").exit_code == 0
    assert stat.S_IMODE((little / ".secret").stat().st_mode) == 0o600


def test_the_same_input_and_seed_give_the_same_bytes(tmp_path: Path) -> None:
    made = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "bespeak.toml").write_text(CONFIG, encoding="utf-8")
        (folder / "orders.csv").write_text(lines(), encoding="utf-8")
        (folder / ".secret").write_bytes(b"k" * 32)
        assert bespeak("run", "-w", str(folder), "--json").exit_code == 0
        made.append(
            {
                str(path.relative_to(folder)): path.read_bytes()
                for path in sorted((folder / "artifacts").rglob("*"))
                if path.suffix in {".npy", ".npz", ".arrow"}
            }
        )
        time.sleep(1.1)  # so that a time stamp in the bytes would show
    assert made[0] == made[1] and len(made[0]) > 20


def test_keys_are_made_shown_once_rotated_and_revoked(little: Path) -> None:
    where = ("-w", str(little), "--json")
    made = json.loads(bespeak("key", "create", "--secret", "--scope", "read", *where).stdout)
    assert made["key"].startswith(f"bsp_secret_{made['id']}_") and made["scopes"] == ["read"]
    rotated = json.loads(bespeak("key", "rotate", made["id"], *where).stdout)
    assert rotated["scopes"] == ["read"]
    json.loads(bespeak("key", "revoke", made["id"], *where).stdout)
    listed = bespeak("key", "list", "-w", str(little)).stdout
    assert made["id"] in listed and rotated["id"] in listed and made["key"] not in listed
    wrong = bespeak("key", "create", "--public", "--scope", "read", "-w", str(little))
    assert wrong.exit_code == 1 and "no scopes" in wrong.stderr
    acts = json.loads(bespeak("audit", *where).stdout)
    assert [line["act"] for line in acts] == ["key made", "key rotated", "key revoked"]
    assert acts[2]["key"] == made["id"] and made["key"] not in json.dumps(acts)
