"""Encodings are found out, from little text and much, and said."""

from __future__ import annotations

from pathlib import Path

import pytest
from staging import stage_bytes

from bespeak.errors import ConfigInvalid

WESTERN = ["Café", "José", "£3.20", "4,50€", "Zoë’s “best”", "München;Köln;Straße", "20°C;½;®",
           "São Paulo;Ação;coração", "smörgåsbord;Åse;Øre", "naïve – déjà vu", "CAFÉ"]  # fmt: skip
CHINESE = ["北京", "苹果手机", "好", "联通移动", "2024-01-01,购买,手机壳,上海", "李娜,王芳,刘洋",
           "这家酒店，房间很干净"]  # fmt: skip
TAIWANESE = ["臺北", "蘋果手機", "張偉,男", "2024-01-01,購買,手機殼,高雄", "李娜,王芳,劉洋"]


def encoding_of(tmp_path: Path, text: str, codec: str) -> str:
    content = f"id\tname\n1\t{text}\n".encode(codec)
    (tmp_path / "x").mkdir(exist_ok=True)
    found = stage_bytes(tmp_path, content, f"{len(list(tmp_path.iterdir()))}.csv")
    assert found.values == [("1", text)]
    return str(found.facts["encoding"])


@pytest.mark.parametrize("text", WESTERN)
def test_western_letters_are_windows_1252(tmp_path: Path, text: str) -> None:
    assert encoding_of(tmp_path, text, "cp1252") == "cp1252"


@pytest.mark.parametrize("text", CHINESE)
def test_simplified_chinese_is_gb18030(tmp_path: Path, text: str) -> None:
    assert encoding_of(tmp_path, text, "gbk") == "gb18030"


@pytest.mark.parametrize("text", TAIWANESE)
def test_traditional_chinese_is_big5(tmp_path: Path, text: str) -> None:
    assert encoding_of(tmp_path, text, "big5") == "big5hkscs"


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        ("東京タワー", "cp932"), ("りんごジュース美味しい", "euc_jp"),
        ("서울특별시 사과 주스 맛있다 정말", "cp949"), ("Příliš žluťoučký kůň", "cp1250"),
        ("Привет, мир, как дела", "cp1251"), ("Καλημέρα κόσμε τι κάνεις", "cp1253"),
    ],
)  # fmt: skip
def test_other_languages_are_told_apart(tmp_path: Path, text: str, codec: str) -> None:
    assert encoding_of(tmp_path, text, codec) == codec


@pytest.mark.parametrize("text", ["plain", "Café", "北京", "😀"])
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_is_found_by_its_mark_or_its_form(tmp_path: Path, text: str, codec: str) -> None:
    wanted = "utf-8" if codec == "utf-8-sig" else codec
    assert encoding_of(tmp_path, text, codec) == wanted


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_wide_text_without_a_mark_is_found_by_its_zero_bytes(tmp_path: Path, codec: str) -> None:
    assert encoding_of(tmp_path, "plain enough", codec) == codec


def test_letters_far_down_the_file_decide_too(tmp_path: Path) -> None:
    rows = "".join(f"{n},plain\n" for n in range(200_000))
    content = f"id,name\n{rows}x,北京大学\n".encode("gb18030")
    assert len(content) > 2**21
    found = stage_bytes(tmp_path, content)
    assert found.facts["encoding"] == "gb18030" and found.rows[-1]["name"] == "北京大学"


def test_a_few_stray_bytes_are_damage_and_no_language(tmp_path: Path) -> None:
    found = stage_bytes(tmp_path, b"id,name\n1,ok\n2,bad\xff\n3,ok\n")
    assert found.facts["encoding"] == "utf-8" and found.reasons == [(3, "undecodable_text")]


def test_what_is_configured_is_done(tmp_path: Path) -> None:
    content = "id,name\n1,Łódź\n".encode("cp1250")
    found = stage_bytes(tmp_path, content, encoding="cp1250")
    assert found.values == [("1", "Łódź")] and found.says("as configured")
    for alias in ("latin-1", "ISO-8859-1"):
        found = stage_bytes(
            tmp_path, "a,b\n“é”,1\n".encode("cp1252"), f"{alias}.csv", encoding=alias
        )
        assert found.values == [("“é”", "1")], "what is called Latin-1 is Windows-1252 in the wild"
    with pytest.raises(ConfigInvalid, match="utf-9"):
        stage_bytes(tmp_path, b"a,b\n1,2\n", "c.csv", encoding="utf-9")


def test_how_an_encoding_was_found_is_said(tmp_path: Path) -> None:
    found = stage_bytes(tmp_path, "id,name\n1,北京\n".encode("gbk"))
    assert found.says("GB18030 (GBK), by its letters; set `encoding`")
