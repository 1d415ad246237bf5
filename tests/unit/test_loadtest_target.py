import pytest

from aquatic.loadtest.target import Target, TargetError


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("127.0.0.1:3000", "127.0.0.1:3000"),
        ("127.200.3.4:65535", "127.200.3.4:65535"),
        ("[::1]:3000", "[::1]:3000"),
        ("[::ffff:127.0.0.1]:3000", "127.0.0.1:3000"),
    ],
)
def test_this_machine_may_be_loaded(text: str, shown: str) -> None:
    assert str(Target.parse(text)) == shown


@pytest.mark.parametrize(
    "text", ["192.0.2.1:3000", "0.0.0.0:3000", "[2001:db8::1]:3000", "[::ffff:192.0.2.1]:3000", "[::]:3000"]
)
def test_other_machines_may_not_unless_they_are_mine(text: str) -> None:
    with pytest.raises(TargetError, match="--target-is-mine"):
        Target.parse(text)
    assert Target.parse(text, is_mine=True).port == 3000


@pytest.mark.parametrize(
    "text", ["", "3000", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:x"]
)
def test_what_is_no_target_is_refused(text: str) -> None:
    with pytest.raises(TargetError, match="HOST:PORT"):
        Target.parse(text)
