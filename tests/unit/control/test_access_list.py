"""The access list's file."""

from pathlib import Path

import pytest

from aquatic.control.access_list import AccessListError, parse_access_list, read_access_list

LOWER = b"0123456789abcdef0123456789abcdef01234567"
HASH = bytes.fromhex(LOWER.decode())


@pytest.mark.parametrize(
    "text",
    [
        LOWER,
        LOWER + b"\n",
        LOWER.upper() + b"\r\n",
        b"\n\n  " + LOWER + b"\t\n\n",
    ],
)
def test_one_info_hash(text: bytes) -> None:
    assert parse_access_list(text, "list") == HASH


def test_an_empty_file_is_an_empty_list() -> None:
    assert parse_access_list(b"", "list") == b""


def test_hashes_keep_their_order() -> None:
    other = LOWER[::-1]
    assert parse_access_list(other + b"\n" + LOWER, "list") == bytes.fromhex(other.decode()) + HASH


@pytest.mark.parametrize(
    "bad",
    [
        b"zz",
        LOWER[1:],
        LOWER + b"0",
        LOWER[:-1] + b"g",
        LOWER[:38] + b" 6",
        b"aa " + LOWER[:34] + b" bb",
        LOWER + b" " + LOWER,
        b"# a comment",
        "é".encode() * 20,
        b"\0" * 40,
        LOWER[:20] + b"\x0b" + LOWER[:19],
    ],
)
@pytest.mark.parametrize("before", [b"", LOWER + b"\n", b"\n" + LOWER + b"\r\n"])
def test_a_bad_line_is_named(bad: bytes, before: bytes) -> None:
    line = before.count(b"\n") + 1
    with pytest.raises(AccessListError, match=f"^access list some/list, line {line}: .* is not an info hash"):
        parse_access_list(before + bad + b"\n" + LOWER, "some/list")


def test_a_strange_file_does_not_flood_the_log() -> None:
    with pytest.raises(AccessListError) as caught:
        parse_access_list(b"\x1b[31m" * 100_000, "list")
    assert len(str(caught.value)) < 400
    assert "\x1b" not in str(caught.value)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    with pytest.raises(AccessListError, match=f"cannot read access list {missing}: No such file"):
        read_access_list(str(missing))
    with pytest.raises(AccessListError, match="Is a directory"):
        read_access_list(str(tmp_path))


def test_a_large_list(tmp_path: Path) -> None:
    path = tmp_path / "list"
    hashes = [index.to_bytes(20, "big") for index in range(100_000)]
    path.write_text("\n".join(each.hex() for each in hashes))
    assert read_access_list(str(path)) == b"".join(hashes)
