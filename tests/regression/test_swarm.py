"""Bugs of the swarm store that were found, each as small as it could be made."""

from aquatic.testing.swarm import Swarm

IPV4, IPV6 = b"\x08\x00\x00\x01", bytes.fromhex("2a000000000000000000000000000001")


def test_a_torrent_whose_ipv4_peer_left_takes_an_ipv6_peer_with_client_statistics() -> None:
    # The tag that the first peer had left passed for a peer, and looking for a free slot never ended.
    swarm = Swarm(tags=True)
    swarm.announce(bytes(20), IPV4, 1)
    swarm.announce(bytes(20), IPV4, 1, ["stopped"])
    swarm.announce(bytes(20), IPV6, 1)
    assert swarm.peers(bytes(20), 6) == [IPV6 + b"\0\x01" + (0).to_bytes(2, "little")]
