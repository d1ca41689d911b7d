"""The names of clients, by the beginnings of their peer ids (BEP 20) and by their own word.

The tables are all that names come from: what is not in them is `other`, however much there is.
"""

from __future__ import annotations

import re

OTHER = "other"

_BY_CODE = {
    "7T": "aTorrent", "A2": "aria2", "AG": "Ares", "AR": "Arctic", "AT": "Artemis", "AZ": "Vuze",
    "BB": "BitBuddy", "BC": "BitComet", "BE": "baretorrent", "BF": "Bitflu", "BG": "BTG",
    "BI": "BiglyBT", "BN": "Baidu Netdisk", "BP": "BitTorrent Pro", "BR": "BitRocket",
    "BS": "BTSlave", "BT": "BitTorrent", "BW": "BitWombat", "CD": "CTorrent", "CT": "CTorrent",
    "DE": "Deluge", "DP": "Propagate", "EB": "EBit", "FC": "FileCroc",
    "FD": "Free Download Manager", "FG": "FlashGet", "FL": "Folx", "FT": "FoxTorrent",
    "FW": "FrostWire", "FX": "Freebox",
    "GR": "GetRight", "GS": "GSTorrent", "HL": "Halite", "HN": "Hydranode", "JT": "JavaTorrent",
    "KG": "KGet", "KT": "KTorrent", "LC": "LeechCraft", "LH": "LH-ABC", "LP": "Lphant",
    "LT": "libtorrent", "LW": "LimeWire", "MG": "MediaGet", "ML": "MLDonkey", "MO": "MonoTorrent",
    "MP": "MooPolice", "MR": "Miro", "MT": "MoonlightTorrent", "NX": "Net Transport",
    "OP": "outpour", "PC": "CacheLogic", "PD": "Pando", "PI": "PicoTorrent", "PT": "PHPTracker",
    "QB": "qBittorrent", "QD": "QQDownload", "QT": "Qt", "RT": "Retriever", "RZ": "RezTorrent",
    "SB": "Swiftbit", "SD": "Thunder", "SM": "SoMud", "SP": "BitSpirit", "SS": "SwarmScope",
    "ST": "SymTorrent", "SZ": "Shareaza", "TB": "Torch", "TE": "terasaur", "TL": "Tribler",
    "TN": "TorrentDotNET", "TR": "Transmission", "TS": "TorrentStorm", "TT": "TuoTu",
    "TX": "Tixati", "UL": "uLeecher", "UM": "uTorrent", "UT": "uTorrent", "UW": "uTorrent",
    "VG": "Vagaa", "WD": "WebTorrent", "WT": "BitLet", "WW": "WebTorrent", "WY": "FireTorrent",
    "XF": "Xfplay", "XL": "Xunlei", "XS": "XSwifter", "XT": "XanTorrent", "XX": "Xtorrent",
    "ZT": "ZipTorrent",
    # These differ from others in case alone.
    "lt": "rTorrent", "qB": "qBittorrent", "st": "sharktorrent",
}  # fmt: skip
_OF_OLD = {
    "A": "ABC", "M": "BitTorrent", "O": "Osprey Permaseed", "Q": "BTQueue", "R": "Tribler",
    "S": "Shadow", "T": "BitTornado", "U": "UPnP NAT",
}  # fmt: skip
_AZUREUS = re.compile(r"-([0-9A-Za-z]{2})([0-9A-Za-z.-]{1,5})")
_ARIA2 = re.compile(r"A2-([0-9]+(?:-[0-9]+)*)")
_MAINLINE = re.compile(r"([A-Z])([0-9]+(?:-[0-9]+)+)-")
_SHADOW = re.compile(r"([A-Z])([0-9A-Za-z.]+?)-*\Z")
_AGENTS = {
    name.lower(): name
    for name in (
        *_BY_CODE.values(), *_OF_OLD.values(), "Azureus", "curl", "Go-http-client", "lftp",
        "libtorrent", "Mozilla", "python-requests", "rqbit", "synapse", "Torrent", "Wget",
    )
}  # fmt: skip
_ALIASES = {"azureus": "Vuze", "rtorrent": "rTorrent", "lt": "rTorrent"}


def client_of(prefix: str) -> tuple[str, str]:
    """Name and version by the beginning of a peer id.

    Example:
        >>> client_of("-qB4650-")
        ('qBittorrent', '4.6.5')
        >>> client_of("-??0000-")
        ('other', '')
    """
    if match := _ARIA2.match(prefix):
        return "aria2", match[1].replace("-", ".")
    if match := _AZUREUS.match(prefix):
        code, version = match.groups()
        name = _BY_CODE.get(code) or _BY_CODE.get(code.upper())
        return (name, _version(version)) if name else (OTHER, "")
    if match := _MAINLINE.match(prefix):
        return _OF_OLD.get(match[1], OTHER), match[2].replace("-", ".")
    if (match := _SHADOW.match(prefix)) and match[1] in _OF_OLD:
        return _OF_OLD[match[1]], ".".join(match[2])
    return OTHER, ""


def agent_of(product: str) -> tuple[str, str]:
    """Name and version by the first product of a `User-Agent`.

    Example:
        >>> agent_of("Transmission/4.0.6")
        ('Transmission', '4.0.6')
    """
    name, _, version = product.partition("/")
    known = _ALIASES.get(name.lower()) or _AGENTS.get(name.lower())
    return (known, version) if known else (OTHER, "")


def _version(code: str) -> str:
    """`4650` is 4.6.5: a digit each, `A` for ten; zeros at the end and letters of releases go."""
    if "." in code:
        return code.strip(".-")
    digits = code.rstrip("-")
    if len(digits) == 4 and digits[3].isalpha():
        digits = digits[:3]
    parts = [str(int(digit, 36)) for digit in digits]
    while len(parts) > 2 and parts[-1] == "0":
        parts.pop()
    return ".".join(parts)
