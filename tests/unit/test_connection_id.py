"""Connection ids against an independent SipHash, and how long which of them is valid for whom."""

from random import Random

import pytest

from aquatic.testing.udp import issue_connection_id, judge_connection_id
from tests.support.siphash import siphash_2_4

KEY = bytes(range(16))
IPV4 = bytes((192, 0, 2, 7))
IPV6 = bytes.fromhex("20010db8000000000000000000000007")
WRAP = 1 << 24


def test_the_reference_hash_is_siphash() -> None:
    # The paper's test vector: a message of 15 bytes.
    assert siphash_2_4(KEY, bytes(range(15))) == 0xA129CA6149BE45E5


def test_ids_are_the_second_and_a_hash_of_address_and_second() -> None:
    random = Random(1)
    for _ in range(500):
        key, seconds = random.randbytes(16), random.randrange(1 << 32)
        for ip in (random.randbytes(4), random.randbytes(16)):
            hashed = siphash_2_4(key, ip + seconds.to_bytes(4, "little"))
            assert issue_connection_id(key, ip, seconds) == (seconds % WRAP) << 40 | hashed >> 24


@pytest.mark.parametrize("ip", [IPV4, IPV6])
@pytest.mark.parametrize("issued", [1, 1000, WRAP - 1, WRAP, WRAP + 5, (1 << 32) - 200])
def test_an_id_is_valid_for_its_age_and_a_minute_before(ip: bytes, issued: int) -> None:
    ids = issue_connection_id(KEY, ip, issued)
    verdicts = {
        age: judge_connection_id(KEY, ip, ids, issued + age, 120)
        for age in range(-70, 190)
        if issued + age >= 0
    }
    for age, verdict in verdicts.items():
        if age < -60:
            assert verdict == "bad"
        else:
            assert verdict == ("expired" if age > 120 else "valid")


@pytest.mark.parametrize("issued", [0, 100, WRAP - 30, WRAP + 7])
def test_an_id_does_not_become_valid_again_when_the_seconds_have_come_round(issued: int) -> None:
    connection_id = issue_connection_id(KEY, IPV4, issued)
    for turns in (1, 2, 100):
        for age in (-59, 0, 1, 120):
            assert judge_connection_id(KEY, IPV4, connection_id, issued + turns * WRAP + age, 120) == "bad"


def test_nobody_else_can_use_an_id() -> None:
    connection_id = issue_connection_id(KEY, IPV4, 1000)
    for bit in range(32):
        other = (int.from_bytes(IPV4) ^ 1 << bit).to_bytes(4)
        assert judge_connection_id(KEY, other, connection_id, 1000, 120) == "bad"
    as_ipv6 = bytes(10) + b"\xff\xff" + IPV4
    assert judge_connection_id(KEY, as_ipv6, connection_id, 1000, 120) == "bad"
    assert judge_connection_id(KEY, IPV4 + bytes(12), connection_id, 1000, 120) == "bad"
    connection_id = issue_connection_id(KEY, IPV6, 1000)
    for bit in range(128):
        other = (int.from_bytes(IPV6) ^ 1 << bit).to_bytes(16)
        assert judge_connection_id(KEY, other, connection_id, 1000, 120) == "bad"


def test_every_bit_of_an_id_and_of_the_key_counts() -> None:
    connection_id = issue_connection_id(KEY, IPV4, 1000)
    for bit in range(64):
        assert judge_connection_id(KEY, IPV4, connection_id ^ 1 << bit, 1000, 120) == "bad"
    for bit in range(128):
        other = (int.from_bytes(KEY) ^ 1 << bit).to_bytes(16)
        assert judge_connection_id(other, IPV4, connection_id, 1000, 120) == "bad"


def test_an_expired_id_that_was_made_up_is_bad() -> None:
    connection_id = issue_connection_id(KEY, IPV4, 1000)
    assert judge_connection_id(KEY, IPV4, connection_id, 1500, 120) == "expired"
    assert judge_connection_id(KEY, IPV4, connection_id ^ 1, 1500, 120) == "bad"
