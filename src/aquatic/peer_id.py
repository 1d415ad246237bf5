"""Which client a peer id belongs to, and in which version.

There is no registry. A client puts a mark of its own at the start of its 20 bytes, in one of a few styles
(BEP 20 names most), and hides its version behind it in a way of its own:

- Azureus: a dash, two letters, four version characters and a dash (`-qB4500-`); most clients today;
- Mainline: a letter and numbers between dashes (`M7-2-1--`);
- Shadow: a letter, up to five version characters and dashes up to the sixth byte (`T03I--`);
- odd ones, each by itself (`A2-1-36-0-`, `exbc` and two bytes, `OP7685`).

Marks and version schemes were collected from what libtorrent, Transmission, BiglyBT and bittorrent-peerid
recognise, and from the code of clients that build their ids. Anybody can send any mark: this is for
statistics, never for decisions. Whatever the bytes are, names and versions consist of letters, digits and a
few marks that neither HTML nor Prometheus would have to escape, and `str()` of a client is at most
`CLIENT_CHARACTERS_MAX` long.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

PEER_ID_BYTES: Final = 20
PREFIX_BYTES: Final = 8
"""How much of a peer id the tracker keeps."""
CLIENT_CHARACTERS_MAX: Final = 64


@dataclass(frozen=True, slots=True)
class Client:
    """A client program; `version` is empty when its peer ids do not tell it."""

    name: str
    version: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.version}" if self.version else self.name


UNKNOWN: Final = Client("Unknown")


def identify(peer_id: bytes) -> Client:
    """Name the client of a 20-byte peer id; `UNKNOWN` without a mark, ValueError for another length.

    An id in Azureus style whose letters nobody here knows gives the letters: `Unknown (zz)`.
    """
    if len(peer_id) != PEER_ID_BYTES:
        raise ValueError(f"peer id of {len(peer_id)} bytes, not {PEER_ID_BYTES}")
    return _identify(peer_id)


def identify_prefix(prefix: bytes) -> Client:
    """Name the client of a peer id's first 8 bytes; ValueError for another length.

    The answer differs from that for the whole id for the few clients whose mark or version is longer: aria2,
    BitLord and burst! lose a part of the version, the oldest BitLord shows as BitComet, and clients that are
    recognised by the middle or the end of the id (such as I2PSnark and Shareaza) are unknown.
    """
    if len(prefix) != PREFIX_BYTES:
        raise ValueError(f"peer id prefix of {len(prefix)} bytes, not {PREFIX_BYTES}")
    return _identify(prefix)


def _identify(peer_id: bytes) -> Client:
    for recognise in (_binary, _odd, _azureus, _shadow):
        client = recognise(peer_id)
        if client is not None:
            return client
    return UNKNOWN


def _binary(peer_id: bytes) -> Client | None:
    """Recognise clients that put their version into bytes, not characters, or mark the end of the id."""
    first, second, mark = peer_id[0], peer_id[1], peer_id[2:4]
    if peer_id.startswith((b"exbc", b"FUTB", b"xUTB")):
        return _old_bit_comet(peer_id)
    if mark == b"BS" and first == 0:
        return Client("BitSpirit", str(max(second, 1)))
    if mark == b"RS" and first < 10 and second < 100:
        return Client("Rufus", f"{first}.{second // 10}.{second % 10}")
    if len(peer_id) < PEER_ID_BYTES:
        return None
    if peer_id.endswith((b"UDP0", b"HTTPBT")):
        return Client("BitSpirit")
    # Shareaza's GUID: no byte is 0, and the last four are made from the others.
    if 0 not in peer_id and all(peer_id[16 + at] == peer_id[at] ^ peer_id[15 - at] for at in range(4)):
        return Client("Shareaza")
    return None


def _old_bit_comet(peer_id: bytes) -> Client:
    """Until version 0.59: the version in two bytes; BitLord 0.x and 1.x are built on it."""
    major, minor = peer_id[4], peer_id[5]
    if peer_id[6:10] == b"LORD":
        return Client("BitLord", f"{major}.{minor}" if major else f"{major}.{minor:02}")
    return Client("BitComet", f"{major}.{minor:02}")


# Odd ones, as expressions whose groups are the parts of the version; the first that fits counts. They are
# tried before the Azureus style because some begin with a dash too.
_ODD: Final = [
    (re.compile(expression, re.DOTALL), name)
    for expression, name in (
        (rb"M([0-9]+)-([0-9]+)-([0-9]+)-", "Mainline"),
        (rb"Q([0-9]+)-([0-9]+)-([0-9]+)-", "Queen Bee"),
        (rb"S3-([0-9])-([0-9])-([0-9])", "Amazon S3"),
        (rb"A2-([0-9]+)-([0-9]+)-?([0-9]*)", "aria2"),
        (rb"-?aria2-", "aria2"),
        (rb"TIX0?([0-9]{1,2})([0-9]{2})-", "Tixati"),
        (rb"FD6", "Free Download Manager 6"),
        (rb"OP([0-9]{4})|O([0-9]{5})", "Opera"),
        (rb"-ML([0-9])\.([0-9]+)\.([0-9]+)", "MLDonkey"),
        (rb"XBT([0-9])([0-9])([0-9])[-d]", "XBT Client"),
        (rb"Mbrst([0-9])-([0-9])-?([0-9]?)", "burst!"),
        (rb"Plus([0-9])([0-9])([0-9])", "Plus!"),
        (rb"QVOD([0-9])([0-9])([0-9])([0-9])", "QVOD"),
        (rb"DNA[0-9]([0-9])([0-9])", "BitTorrent DNA"),
        (rb"BitLet([0-9])([0-9])", "BitLet"),
        (rb"BTM([0-9])([0-9])", "BTuga Revolution"),
        (rb"TB([0-9])([0-9])([0-9])--", "Top-BT"),
        (rb"AP([0-9]+)\.([0-9]+)", "AllPeers"),
        (rb"btpd/([0-9])\.([0-9]+)", "BitTorrent Protocol Daemon"),
        (rb"turbobt([0-9]?)\.?([0-9]?)", "TurboBT"),
        (rb"-BOW", "Bits on Wheels"),
        (rb"AZ2500BT", "BitTyrant"),
        (rb"Azureus|.{5}Azureus", "Azureus"),
        (rb"BLZ", "Blizzard Downloader"),
        (rb"btuga|oernu|.{5}BTuga", "BTugaXP"),
        (rb"BTDWV-|Deadman ", "Deadman Walking"),
        (rb"DansClie", "XanTorrent"),
        (rb"PRC\.P---|P87\.P---|S587Plus", "BitTorrent Plus!"),
        (rb"a0[02]---0", "Swarmy"),
        (rb"T00---0", "Teeweety"),
        (rb"10------", "JVtorrent"),
        (rb"271-", "GreedBT"),
        (rb"346-", "TorrentTopia"),
        (rb"arclight", "Hurricane Electric"),
        (rb"Ext ", "External webseed"),
        (rb"LIME", "LimeWire"),
        (rb"martini", "Martini Man"),
        (rb"Pando", "Pando"),
        (rb"PEERAPP", "PeerApp"),
        (rb".{4}btfans", "SimpleBT"),
        (rb"\0{9}\x03{3}", "I2PSnark"),
        (rb"\0{12}[^\0]", "Mainline"),
    )
]


def _odd(peer_id: bytes) -> Client | None:
    for expression, name in _ODD:
        if found := expression.match(peer_id):
            return Client(name, ".".join(part.decode() for part in found.groups() if part))
    return None


# Version schemes of the Azureus style. Each takes what follows the two letters, five characters at least, and
# returns the version, empty if it is not in the scheme. A digit beyond 9 is a letter.

_Scheme: TypeAlias = Callable[[str], str]
_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz."
_SUFFIXES: Final = {"a": " alpha", "b": " beta", "d": " dev", "r": " rc", "x": " dev", "z": " dev"}


def _dotted(digits: str) -> str:
    """Write each digit as a number, with dots between them; empty if one is no digit."""
    values = [_DIGITS.find(digit) for digit in digits]
    return "" if -1 in values else ".".join(map(str, values))


def _suffix(mark: str) -> str:
    return _SUFFIXES.get(mark.lower(), "")


def _no_version(_text: str) -> str:
    return ""


def _four(text: str) -> str:
    return _dotted(text[:4])


def _three(text: str) -> str:
    return _dotted(text[:3])


def _two(text: str) -> str:
    return _dotted(text[:2])


def _one(text: str) -> str:
    return _dotted(text[:1])


def _three_and_build(text: str) -> str:
    """As libtorrent's generate_fingerprint: the fourth digit is a build number, mostly 0."""
    return _dotted(text[:4]) if text[3] != "0" else _three(text)


def _three_and_suffix(text: str) -> str:
    """As Deluge: `203s` is 2.0.3, `201b` a beta of 2.0.1, `13F0` is 1.3.15."""
    version = _three(text)
    return version + _suffix(text[3]) if version else ""


def _micro_torrent(text: str) -> str:
    """`355S` is 3.5.5, `7a3S` is 7.10.3; without a dash (`1110Q`) the third has two digits."""
    wide = text[3] != "-" and text[4] != "-"
    if wide:
        found = re.match(r"([0-9A-Za-z])([0-9A-Za-z])([0-9]{2})", text)
    else:
        found = re.match(r"([0-9A-Za-z])([0-9A-Za-z])([0-9A-Za-z])", text)
    if not found:
        return ""
    # Unlike everywhere else, lower-case letters follow 9 here too.
    major, minor = int(found[1], 36), int(found[2], 36)
    patch = int(found[3]) if wide else int(found[3], 36)
    return f"{major}.{minor}.{patch}{_suffix(text[4 if wide else 3])}"


def _transmission(text: str) -> str:
    """`0006` is 0.6, `0072` is 0.72, `2940` is 2.94, `3000` is 3.00, and from 4 on `4040` is 4.0.4."""
    if found := re.match(r"000([0-9])|00([0-9]{2})", text):
        return f"0.{found[1] or found[2]}"
    if found := re.match(r"([0-3])([0-9]{2})", text):
        return f"{found[1]}.{found[2]}{_suffix(text[3])}"
    return _three_and_suffix(text)


def _two_and_two(text: str) -> str:
    """`0205` is 2.05."""
    found = re.match(r"0?([0-9]{1,2})([0-9]{2})(?![0-9])", text[:4])
    return f"{found[1]}.{found[2]}" if found else ""


def _two_numbers(text: str) -> str:
    """`0208` is 2.8: two digits a number."""
    return f"{int(text[:2])}.{int(text[2:4])}" if re.match(r"[0-9]{4}", text) else ""


def _pico_torrent(text: str) -> str:
    """`0251` is 0.25.1."""
    return f"{text[0]}.{int(text[1:3])}.{text[3]}" if re.match(r"[0-9]{4}", text) else ""


def _k_torrent(text: str) -> str:
    """`5110` is 5.1.1, `33D1` a development version of 3.3, `22B1` a beta, `11R1` a release candidate."""
    found = re.match(r"([0-9])([0-9])([ABDR])([0-9])", text)
    if not found:
        return _three(text)
    return f"{found[1]}.{found[2]}{_suffix(found[3])} {found[4]}"


def _one_and_three(text: str) -> str:
    return f"{text[0]}.{text[1:4]}" if re.match(r"[0-9]{4}", text) else ""


def _one_one_and_two(text: str) -> str:
    return f"{text[0]}.{text[1]}.{text[2:4]}" if re.match(r"[0-9]{4}", text) else ""


def _bit_lord(text: str) -> str:
    """`246326` is 2.4.6-326: three digits of version, three of build, no dash at the end."""
    found = re.match(r"([0-9])([0-9])([0-9])([0-9]{3})?", text)
    return f"{found[1]}.{found[2]}.{found[3]}" + (f"-{found[4]}" if found[4] else "") if found else ""


def _xfplay(text: str) -> str:
    """`9990` is 9.9.9, `9992` is 9.9.92."""
    if not re.match(r"[0-9]{4}", text):
        return ""
    return _three(text) if text[3] == "0" else f"{text[0]}.{text[1]}.{text[2:4]}"


_AZUREUS: Final[dict[_Scheme, dict[str, str]]] = {
    _four: {
        "7T": "aTorrent",
        "AB": "AnyEvent BitTorrent",
        "AG": "Ares",
        "AN": "Ares",
        "AR": "Arctic Torrent",
        "AT": "Artemis",
        "AV": "Avicora",
        "AZ": "Vuze",
        "BE": "BitTorrent SDK",
        "BG": "BTG",
        "BH": "BitZilla",
        "BI": "BiglyBT",
        "BM": "BitMagnet",
        "BP": "BitTorrent Pro",
        "BS": "BTSlave",
        "BU": "BigUp",
        "BX": "BittorrentX",
        "CB": "Shareaza Plus",
        "DP": "Propagate Data Client",
        "EB": "EBit",
        "FC": "FileCroc",
        "FT": "FoxTorrent",
        "FX": "Freebox BitTorrent",
        "GR": "GetRight",
        "GS": "GSTorrent",
        "GT": "anacrolix/torrent",
        "HK": "Hekate",
        "HN": "Hydranode",
        "KG": "KGet",
        "LC": "LeechCraft",
        "LH": "LH-ABC",
        "MK": "Meerkat",
        "MO": "MonoTorrent",
        "MR": "Miro",
        "MT": "MoonlightTorrent",
        "NX": "Net Transport",
        "OS": "OneSwarm",
        "OT": "OmegaTorrent",
        "PD": "Pando",
        "PE": "PeerProject",
        "PT": "Popcorn Time",
        "QD": "QQDownload",
        "QT": "Qt 4 Torrent example",
        "RM": "RUM Torrent",
        "RS": "Rufus",
        "RT": "Retriever",
        "RZ": "RezTorrent",
        "S~": "Shareaza",
        "SB": "SwiftBit",
        "SD": "Xunlei",
        "SG": "GSTorrent",
        "SM": "SoMud",
        "SN": "ShareNet",
        "SS": "SwarmScope",
        "ST": "SymTorrent",
        "SZ": "Shareaza",
        "TN": "Torrent.NET",
        "TS": "TorrentStorm",
        "TX": "Tixati",
        "UL": "uLeecher!",
        "VG": "Vagaa",
        "WT": "BitLet",
        "WY": "FireTorrent",
        "XL": "Xunlei",
        "XS": "XSwifter",
        "XT": "XanTorrent",
        "ZO": "Zona",
        "ZT": "ZipTorrent",
        "bk": "BitKitten",
        "pX": "pHoeniX",
        "st": "SharkTorrent",
        "tT": "tTorrent",
    },
    _three: {
        "A~": "Ares",
        "AD": "Advanced Download Manager",
        "ES": "Electric Sheep",
        "FD": "Free Download Manager",
        "FW": "FrostWire",
        "HL": "Halite",
        "IL": "iLivid",
        "JS": "JSTorrent",
        "LK": "linkage",
        "LR": "LibreTorrent",
        "Lr": "LibreTorrent",
        "MP": "MooPolice",
        "NE": "BT Next Evolution",
        "PO": "Porla",
        "SP": "BitSpirit",
        "TT": "TuoTu",
        "pb": "pbTorrent",
        "rQ": "rqbit",
    },
    _three_and_build: {
        "LT": "libtorrent (Rasterbar)",
        "TL": "Tribler",
        "lt": "libTorrent (Rakshasa)",
        "qB": "qBittorrent",
    },
    _three_and_suffix: {"DE": "Deluge"},
    _micro_torrent: {
        "BT": "BitTorrent",
        "BW": "BitTorrent Web",
        "UE": "µTorrent Embedded",
        "UM": "µTorrent Mac",
        "UT": "µTorrent",
        "UW": "µTorrent Web",
    },
    _transmission: {"TR": "Transmission"},
    _two_and_two: {
        "AX": "BitPump",
        "BC": "BitComet",
        "CD": "Enhanced CTorrent",
        "FG": "FlashGet",
        "LP": "Lphant",
    },
    _two_numbers: {"WD": "WebTorrent Desktop", "WW": "WebTorrent"},
    _two: {"MG": "MediaGet"},
    _one: {"FL": "Folx"},
    _one_and_three: {"BB": "BitBuddy"},
    _one_one_and_two: {"CT": "CTorrent", "XC": "XTorrent", "XX": "XTorrent"},
    _pico_torrent: {"PI": "PicoTorrent"},
    _k_torrent: {"KT": "KTorrent"},
    _bit_lord: {"BL": "BitLord"},
    _xfplay: {"XF": "Xfplay"},
    _no_version: {
        "BF": "Bitflu",
        "BN": "Baidu Netdisk",
        "BR": "BitRocket",
        "G3": "G3 Torrent",
        "LW": "LimeWire",
        "PC": "CacheLogic",
        "TB": "Torch",
        "WS": "HTTP seed",
    },
}
_AZUREUS_BY_LETTERS: Final = {
    letters: (name, scheme) for scheme, names in _AZUREUS.items() for letters, name in names.items()
}


def _azureus(peer_id: bytes) -> Client | None:
    text = peer_id.decode("latin-1")
    if text[0] != "-":
        return None
    if text[1:3] in _AZUREUS_BY_LETTERS:
        name, scheme = _AZUREUS_BY_LETTERS[text[1:3]]
        return Client(name, scheme(text[3:]))
    if found := re.match(r"-([0-9A-Za-z~]{2})([0-9A-Za-z]{4})-", text):
        return Client(f"Unknown ({found[1]})", _dotted(found[2]))
    return None


_SHADOW: Final = {
    "A": "ABC",
    "O": "Osprey Permaseed",
    "Q": "BTQueue",
    "R": "Tribler",
    "S": "Shadow",
    "T": "BitTornado",
    "U": "UPnP NAT BitTorrent",
}


def _shadow(peer_id: bytes) -> Client | None:
    found = re.match(r"([AOQRSTU])([0-9][0-9A-Za-z.]{0,4})?-+", peer_id.decode("latin-1"))
    # Without dashes up to the sixth byte it is a random id that begins with a few right characters.
    if not found or found.end() < 6:
        return None
    major_minor, rest = (found[2] or "")[:2], (found[2] or "")[2:].rstrip("0")
    return Client(_SHADOW[found[1]], _dotted(major_minor + rest))
