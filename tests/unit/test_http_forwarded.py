import pytest

from aquatic.testing.http import read_forwarded


@pytest.mark.parametrize(
    ("value", "ip"),
    [
        (b"192.0.2.1", bytes((192, 0, 2, 1))),
        (b"10.0.0.1, 192.0.2.1", bytes((192, 0, 2, 1))),
        (b"evil,192.0.2.1 \t", bytes((192, 0, 2, 1))),
        (b"2001:db8::1", bytes.fromhex("20010db8000000000000000000000001")),
        (b"::ffff:192.0.2.1", bytes((192, 0, 2, 1))),
        (b"192.0.2.9,2001:DB8::", bytes.fromhex("20010db8000000000000000000000000")),
        (b"1111:2222:3333:4444:5555:6666:123.123.123.123", bytes.fromhex("1111222233334444555566667b7b7b7b")),
        (b"::", bytes(16)),
        (b"", None),
        (b" ", None),
        (b",", None),
        (b"192.0.2.1,", None),
        (b"192.0.2.1, unknown", None),
        (b"192.0.2", None),
        (b"192.0.2.256", None),
        (b"192.0.2.01", None),
        (b"192.0.2.1:80", None),
        (b"[2001:db8::1]", None),
        (b"fe80::1%eth0", None),
        (b"evil 192.0.2.1", None),
        (b"1111:2222:3333:4444:5555:6666:123.123.123.1234", None),
        (b"1" * 5000, None),
        (b"0x7f.1", None),
    ],
)
def test_the_last_address_counts(value: bytes, ip: bytes | None) -> None:
    assert read_forwarded(value) == ip
