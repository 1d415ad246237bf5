"""Peer ids of real clients, each with where it comes from.

- joal: the files of github.com/anthonyraymond/joal, recorded from the clients that it imitates;
- imitator: likewise, another program that passes for other clients;
- BiglyBT, Transmission, bittorrent-peerid, libtorrent: ids seen in the wild, in those clients' own tests;
- code: the code that makes the id, in the client's repository, or the client's own documentation;
- BEP 20: the examples of its text;
- seen: sent to a recording tracker by the client itself (tests/system does it again).
"""

import pytest

from aquatic.peer_id import UNKNOWN, Client, identify, identify_prefix

AZUREUS = [
    (b"-AZ5750-", "Vuze 5.7.5.0", "joal"),
    (b"-BT7a3S-", "BitTorrent 7.10.3", "joal"),
    (b"-DE13D0-", "Deluge 1.3.13", "joal"),
    (b"-DE13F0-", "Deluge 1.3.15", "joal"),
    (b"-DE203s-", "Deluge 2.0.3", "joal"),
    (b"-DE211s-", "Deluge 2.1.1", "joal"),
    (b"-DE200D-", "Deluge 2.0.0 dev", "code"),
    (b"-DE201r-", "Deluge 2.0.1 rc", "code"),
    (b"-DE2B0b-", "Deluge 2.11.0 beta", "code"),
    (b"-LT1100-", "libtorrent (Rasterbar) 1.1.0", "joal"),
    (b"-LT20B0-", "libtorrent (Rasterbar) 2.0.11", "code"),
    (b"-LT2110-", "libtorrent (Rasterbar) 2.1.1", "seen"),
    (b"-LT0D00-", "libtorrent (Rasterbar) 0.13.0", "BiglyBT"),
    (b"-lt0D60-", "libTorrent (Rakshasa) 0.13.6", "joal"),
    (b"-lt0B20-", "libTorrent (Rakshasa) 0.11.2", "BiglyBT"),
    (b"-qB3310-", "qBittorrent 3.3.1", "joal"),
    (b"-qB33G0-", "qBittorrent 3.3.16", "joal"),
    (b"-qB4301-", "qBittorrent 4.3.0.1", "joal"),
    (b"-qB4500-", "qBittorrent 4.5.0", "joal"),
    (b"-qB4670-", "qBittorrent 4.6.7", "joal"),
    (b"-TR0006-", "Transmission 0.6", "Transmission"),
    (b"-TR0072-", "Transmission 0.72", "Transmission"),
    (b"-TR072Z-", "Transmission 0.72 dev", "BiglyBT"),
    (b"-TR111Z-", "Transmission 1.11 dev", "Transmission"),
    (b"-TR2820-", "Transmission 2.82", "joal"),
    (b"-TR284Z-", "Transmission 2.84 dev", "joal"),
    (b"-TR2940-", "Transmission 2.94", "joal"),
    (b"-TR3000-", "Transmission 3.00", "seen"),
    (b"-TR400B-", "Transmission 4.0.0 beta", "Transmission"),
    (b"-TR4040-", "Transmission 4.0.4", "code"),
    (b"-TR410Z-", "Transmission 4.1.0 dev", "code"),
    (b"-TR4Az0-", "Transmission 4.10.61", "Transmission"),
    (b"-UT3220-", "µTorrent 3.2.2", "joal"),
    (b"-UT353S-", "µTorrent 3.5.3", "joal"),
    (b"-UT355S-", "µTorrent 3.5.5", "imitator"),
    (b"-UT7a5\0-", "µTorrent 7.10.5", "Transmission"),
    (b"-UT170B-", "µTorrent 1.7.0 beta", "BiglyBT"),
    (b"-UT170-\0\xaf", "µTorrent 1.7.0", "BiglyBT"),
    (b"-UT340-\0\x09", "µTorrent 3.4.0", "BiglyBT"),
    (b"-UM15110\xc9", "µTorrent Mac 1.5.11", "BiglyBT"),
    (b"-UW110Q-", "µTorrent Web 1.1.0", "Transmission"),
    (b"-UW1110Q", "µTorrent Web 1.1.10", "Transmission"),
    (b"-BT791-\0\xa5", "BitTorrent 7.9.1", "BiglyBT"),
    (b"-BT791B-", "BitTorrent 7.9.1 beta", "Transmission"),
    (b"-BW1293-", "BitTorrent Web 1.2.9", "Transmission"),
    (b"-ADB560-", "Advanced Download Manager 11.5.6", "Transmission"),
    (b"-AG2053-", "Ares 2.0.5.3", "BiglyBT"),
    (b"-AN2171-", "Ares 2.1.7.1", "BiglyBT"),
    (b"-AT2520-", "Artemis 2.5.2.0", "BiglyBT"),
    (b"-AZ2060-", "Vuze 2.0.6.0", "BEP 20"),
    (b"-BC0059-", "BitComet 0.59", "code"),
    (b"-BC0241-", "BitComet 2.41", "Transmission"),
    (b"-BI2300-", "BiglyBT 2.3.0.0", "Transmission"),
    (b"-BN0001-", "Baidu Netdisk", "Transmission"),
    (b"-BR0332-", "BitRocket", "BiglyBT"),
    (b"-FC1013-", "FileCroc 1.0.1.3", "Transmission"),
    (b"-FD51R\xff-", "Free Download Manager 5.1.27", "Transmission"),
    (b"-FD51]\xc7-", "Free Download Manager", "Transmission"),
    (b"-FG0180u\xf8", "FlashGet 1.80", "BiglyBT"),
    (b"-FL51FF-", "Folx 5", "Transmission"),
    (b"-FL09\xc6\xf2-", "Folx 0", "BiglyBT"),
    (b"-FW6830-", "FrostWire 6.8.3", "Transmission"),
    (b"-G3g3rmz    ", "G3 Torrent", "libtorrent"),
    (b"-GT0003-", "anacrolix/torrent 0.0.0.3", "code"),
    (b"-HL0290-", "Halite 0.2.9", "BiglyBT"),
    (b"-KG2450-", "KGet 2.4.5.0", "BiglyBT"),
    (b"-KT11R1-", "KTorrent 1.1 rc 1", "BiglyBT"),
    (b"-KT22B1-", "KTorrent 2.2 beta 1", "BiglyBT"),
    (b"-KT2140-", "KTorrent 2.1.4", "BiglyBT"),
    (b"-KT300-\0j", "KTorrent 3.0.0", "BiglyBT"),
    (b"-KT33D1-", "KTorrent 3.3 dev 1", "Transmission"),
    (b"-LK0140-", "linkage 0.1.4", "BiglyBT"),
    (b"-LP0302-\0", "Lphant 3.02", "BiglyBT"),
    (b"-LW0001-1", "LimeWire", "BiglyBT"),
    (b"-Lr10X0-", "LibreTorrent 1.0.33", "Transmission"),
    (b"-MG1Cr0-", "MediaGet 1.12", "BiglyBT"),
    (b"-MG2110-", "MediaGet 2.1", "BiglyBT"),
    (b"-MR1100-", "Miro 1.1.0.0", "Transmission"),
    (b"-NE109000", "BT Next Evolution 1.0.9", "BiglyBT"),
    (b"-PC251Q-", "CacheLogic", "BiglyBT"),
    (b"-PI0091-", "PicoTorrent 0.9.1", "Transmission"),
    (b"-PI0150-", "PicoTorrent 0.15.0", "BiglyBT"),
    (b"-PO0100-", "Porla 0.1.0", "code"),
    (b"-SD0100-", "Xunlei 0.1.0.0", "code"),
    (b"-XL0012-", "Xunlei 0.0.1.2", "code"),
    (b"-SZ2132-\0", "Shareaza 2.1.3.2", "BiglyBT"),
    (b"-TB2137-", "Torch", "Transmission"),
    (b"-TT210w-", "TuoTu 2.1.0", "BiglyBT"),
    (b"-TX1107-", "Tixati 1.1.0.7", "BiglyBT"),
    (b"-VG2644-", "Vagaa 2.6.4.4", "BiglyBT"),
    (b"-WD0007-", "WebTorrent Desktop 0.7", "bittorrent-peerid"),
    (b"-WS1000-", "HTTP seed", "Transmission"),
    (b"-WW0011-", "WebTorrent 0.11", "bittorrent-peerid"),
    (b"-WW0102-", "WebTorrent 1.2", "bittorrent-peerid"),
    (b"-WW1000-", "WebTorrent 10.0", "bittorrent-peerid"),
    (b"-WY0300-", "FireTorrent 0.3.0.0", "BiglyBT"),
    (b"-XF9990-", "Xfplay 9.9.9", "Transmission"),
    (b"-XF9992-", "Xfplay 9.9.92", "Transmission"),
    (b"-ZO2028-", "Zona 2.0.2.8", "BiglyBT"),
    (b"-rQ9000-", "rqbit 9.0.0", "code"),
    (b"-WT-", "BitLet", "Transmission"),
]

OTHER = [
    (b"M4-3-6--", "Mainline 4.3.6", "BEP 20"),
    (b"M4-20-8-", "Mainline 4.20.8", "BEP 20"),
    (b"M5-0-7--9aa757efd5be", "Mainline 5.0.7", "BiglyBT"),
    (b"Q1-0-0--", "Queen Bee 1.0.0", "BEP 20"),
    (b"Q1-23-4-", "Queen Bee 1.23.4", "Transmission"),
    (b"S3-1-0-0--0123456789", "Amazon S3 1.0.0", "BiglyBT"),
    (b"A2-1-2-0-", "aria2 1.2.0", "Transmission"),
    (b"TIX0137-i6i6f0i5d5b7", "Tixati 1.37", "BiglyBT"),
    (b"TIX0193-", "Tixati 1.93", "Transmission"),
    (b"FD6k4SYy9BOU4U4rk3-J", "Free Download Manager 6", "Transmission"),
    (b"OP7685f2c1495b1680bf", "Opera 7685", "BiglyBT"),
    (b"O100634008270e29150a", "Opera 10063", "BiglyBT"),
    (b"-ML2.7.2-kgjjfkd", "MLDonkey 2.7.2", "BEP 20"),
    (b"-BOWP05-EPICNZOGQPHP", "Bits on Wheels", "BiglyBT"),
    (b"-BOWA0C-", "Bits on Wheels", "BEP 20"),
    (b"XBT054d-", "XBT Client 0.5.4", "BEP 20"),
    (b"Plus100-", "Plus! 1.0.0", "Transmission"),
    (b"QVOD0054", "QVOD 0.0.5.4", "BiglyBT"),
    (bytes.fromhex("444E413031303030DD01C9B2DA689E6E02803E91"), "BitTorrent DNA 1.0", "BiglyBT"),
    (bytes.fromhex("4269744C657430319AEA4E02A09E318D70CCF47D"), "BitLet 0.1", "BiglyBT"),
    (b"BTM21abcdefghijklmno", "BTuga Revolution 2.1", "BiglyBT"),
    (b"TB100----abcdefghijk", "Top-BT 1.0.0", "BiglyBT"),
    (b"AP0.70rc30->>-{1-A--", "AllPeers 0.70", "BiglyBT"),
    (b"AZ2500BT", "BitTyrant", "BEP 20"),
    (bytes.fromhex("417A75726575730000000000000000A076F0AEF7"), "Azureus", "BiglyBT"),
    (b"346------", "TorrentTopia", "BEP 20"),
    (b"271-", "GreedBT", "BiglyBT"),
    (b"10-------", "JVtorrent", "Transmission"),
    (b"a02---0", "Swarmy", "Transmission"),
    (b"turbobt", "TurboBT", "libtorrent"),
    (b"btuga", "BTugaXP", "BiglyBT"),
    (b"martini", "Martini Man", "libtorrent"),
    (b"btpd/0.1", "BitTorrent Protocol Daemon 0.1", "libtorrent"),
    (b"Pando-6B511B691CAC2E", "Pando", "BiglyBT"),
    (b"LIME", "LimeWire", "Transmission"),
    (bytes.fromhex("6172636C696768742E68652EA5860C157A5ADC35"), "Hurricane Electric", "BiglyBT"),
    (bytes.fromhex("45787420EC7CC30033D7801FEEB713FBB0557AC4"), "External webseed", "BiglyBT"),
    (bytes.fromhex("00455253416E6F6E796D6F757382BE4275024AE3"), "Rufus 0.6.9", "BiglyBT"),
    (bytes.fromhex("6578626300387A4463102D6E9AD6723B339F35A9"), "BitComet 0.56", "BiglyBT"),
    (bytes.fromhex("000242539B7ED3E058A8384AA748485454504254"), "BitSpirit 2", "BiglyBT"),
    (bytes.fromhex("000342530724889644C595308A5FF2CA55445030"), "BitSpirit 3", "BiglyBT"),
    # Shadow style.
    (b"A--------YMyoBPXYy2L", "ABC", "BiglyBT"),
    (bytes.fromhex("413236392D2D2D2D345077199FAEC4A673BECA01"), "ABC 2.6.9", "BiglyBT"),
    (b"A310--001v5Gysr4NxNK", "ABC 3.1", "BiglyBT"),
    (b"T03C-----6tYolxhVUFS", "BitTornado 0.3.12", "BiglyBT"),
    (b"T03I--008gY6iB6Aq27C", "BitTornado 0.3.18", "BiglyBT"),
    (b"T0390----5uL5NvjBe2z", "BitTornado 0.3.9", "BiglyBT"),
    (b"R100--003hR6s07XWcov", "Tribler 1.0", "BiglyBT"),
    (b"R37---003uApHy851-Pq", "Tribler 3.7", "BiglyBT"),
    (b"S58B-----", "Shadow 5.8.11", "BEP 20"),
    (b"S587Plus", "BitTorrent Plus!", "BiglyBT"),
]

# Recognised wholly only with more than the eight bytes that the tracker keeps.
LONGER = [
    (b"A2-1-36-0-", "aria2 1.36.0", "aria2 1.36", "seen"),
    (b"A2-1-18-8-", "aria2 1.18.8", "aria2 1.18", "Transmission"),
    (b"-BL246326", "BitLord 2.4.6-326", "BitLord 2.4.6", "Transmission"),
    (b"Mbrst1-1-32e3c394b43", "burst! 1.1.3", "burst! 1.1", "BiglyBT"),
    (
        bytes.fromhex("6578626300384C4F52443200048ECED57BD71028"),
        "BitLord 0.56",
        "BitComet 0.56",
        "BiglyBT",
    ),
    (bytes.fromhex("2D2D2D2D2D417A757265757354694E7A2A6454A7"), "Azureus", "Unknown", "BiglyBT"),
    (
        bytes.fromhex("4D342D302D322D2D6898D9D0CAF25E4555445030"),
        "BitSpirit",
        "Mainline 4.0.2",
        "BiglyBT",
    ),
    (bytes.fromhex("0000000000000000000000004C53441933104277"), "Mainline", "Unknown", "BiglyBT"),
    (bytes(9) + b"\3\3\3", "I2PSnark", "Unknown", "bittorrent-peerid"),
]

NOT_IDENTIFIED = [
    (bytes(20), "Unknown"),
    (b"\xff" * 20, "Unknown"),
    (b"-" * 20, "Unknown"),
    (b"-IIO\x10\x2d\x04-", "Unknown"),
    (b"-zz1A0z-", "Unknown (zz) 1.10.0.61"),
    (b"-zz1A0z+", "Unknown"),
    (b"-z<1234-", "Unknown"),
    (b'-zz"}<>-', "Unknown"),
    (b'-qB"}<>-', "qBittorrent"),
    (b"-TR\n\n\n\n-", "Transmission"),
    (b"-UT\xff55S-", "µTorrent"),
    (b"-BC02x5-", "BitComet"),
    (b"T<--------", "Unknown"),
    (b"S1234567", "Unknown"),
    (b"M1234567", "Unknown"),
    (bytes.fromhex("0000000000000000317DA32F831FF041A515FE3C"), "Unknown"),
    (bytes.fromhex("B5546F7272656E742F3330323520202020202020"), "Unknown"),
    (bytes.fromhex("E7F163BB0E5FCD35005C09A11BC274C42385A1A0"), "Unknown"),
]


def whole(start: bytes) -> bytes:
    """The mark filled up to a peer id, with bytes that no version scheme accepts."""
    return start + b"\xf7" * (20 - len(start))


@pytest.mark.parametrize(("start", "client", "_source"), AZUREUS + OTHER)
def test_client_of_a_real_peer_id(start: bytes, client: str, _source: str) -> None:
    assert str(identify(whole(start))) == client
    assert str(identify_prefix(whole(start)[:8])) == client


@pytest.mark.parametrize(("start", "client", "client_by_prefix", "_source"), LONGER)
def test_client_that_needs_more_than_eight_bytes(
    start: bytes, client: str, client_by_prefix: str, _source: str
) -> None:
    assert str(identify(whole(start))) == client
    assert str(identify_prefix(whole(start)[:8])) == client_by_prefix


@pytest.mark.parametrize(("start", "client"), NOT_IDENTIFIED)
def test_bytes_without_a_known_mark_or_version(start: bytes, client: str) -> None:
    assert str(identify(whole(start))) == client
    assert str(identify_prefix(whole(start)[:8])) == client


def test_shareaza_is_known_by_how_its_bytes_relate() -> None:
    start = bytes(range(1, 17))
    peer_id = start + bytes(start[at] ^ start[15 - at] for at in range(4))
    assert identify(peer_id) == Client("Shareaza")
    assert identify(peer_id[:19] + bytes([peer_id[19] ^ 1])) == UNKNOWN


def test_parts_of_a_client() -> None:
    client = identify(whole(b"-qB4500-"))
    assert (client.name, client.version, str(client)) == ("qBittorrent", "4.5.0", "qBittorrent 4.5.0")
    assert str(Client("LimeWire")) == "LimeWire"
    assert identify(bytes(20)) is UNKNOWN


@pytest.mark.parametrize("length", [0, 8, 19, 21])
def test_a_peer_id_has_20_bytes(length: int) -> None:
    with pytest.raises(ValueError, match=f"peer id of {length} bytes, not 20"):
        identify(bytes(length))


@pytest.mark.parametrize("length", [0, 7, 9, 20])
def test_a_prefix_has_8_bytes(length: int) -> None:
    with pytest.raises(ValueError, match=f"prefix of {length} bytes, not 8"):
        identify_prefix(bytes(length))
