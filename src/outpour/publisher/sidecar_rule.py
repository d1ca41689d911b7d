"""Which files of a published folder belong to others, and are no torrents of a few bytes.

By their names alone: what a publisher puts beside content to describe and to check it. What belongs
to nothing that is there is content as any other file.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from outpour.web.visitors.beside import SidecarKind
from outpour.web.visitors.kept_writings import MARKDOWN

SIGNATURES = (".asc", ".sig", ".minisig", ".sign")
DESCRIPTIONS = MARKDOWN
README = re.compile(r"readme(?:\.(?:md|markdown|txt))?\Z", re.IGNORECASE)
_SUMS = re.compile(
    r"(?:sha|sha(?:1|224|256|384|512)|md5|b2|blake2b?|check)[-_]?sums?(?:\.txt)?\Z", re.IGNORECASE
)
_SUM_OF_ONE = re.compile(r"(.+)\.(?:sha(?:1|224|256|384|512)|md5|b2)(?:sums?)?\Z", re.IGNORECASE)
# What a description may leave out of the name that it describes: `tool-1.md` of `tool-1.tar.gz`.
_ENDING = re.compile(r"(?:\.tar)?\.[A-Za-z][A-Za-z0-9]{0,7}\Z")


@dataclass(frozen=True, slots=True)
class Belonging:
    """What a file is for.

    Attributes:
        kind: What it tells.
        owners: The entries it belongs to, none of what belongs to the whole folder.
    """

    kind: SidecarKind
    owners: tuple[str, ...] = ()


def belongings(names: Collection[str], files: Collection[str]) -> dict[str, Belonging]:
    """Tell which files of a folder belong to what.

    Some hundreds of thousands of names are gone through in a second.

    Args:
        names: All that would be published.
        files: Those of them that are plain files.
    """
    found: dict[str, Belonging] = {}
    undescribed: list[str] = []
    signatures: list[str] = []
    for name in files:
        ending = name[name.rfind(".") :].lower() if "." in name else ""
        if README.match(name):
            found[name] = Belonging("readme")
        elif _SUMS.match(name):
            found[name] = Belonging("checksums")
        elif ending in SIGNATURES:
            signatures.append(name)
        elif ending in DESCRIPTIONS:
            undescribed.append(name)
        elif (of := _SUM_OF_ONE.match(name)) is not None and of[1] in names:
            found[name] = Belonging("checksums", (of[1],))
    if undescribed:
        _describe(undescribed, names, found)
    for name in sorted(signatures, key=len):
        signed = name[: name.rfind(".")]
        if signed in found:
            found[name] = Belonging("signature", found[signed].owners)
        elif signed in names:
            found[name] = Belonging("signature", (signed,))
    return found


def _describe(texts: list[str], names: Collection[str], found: dict[str, Belonging]) -> None:
    by_stem: dict[str, list[str]] = {}
    for name in names:
        stem = _ENDING.sub("", name)
        if stem != name and not name.lower().endswith((*DESCRIPTIONS, *SIGNATURES)):
            by_stem.setdefault(stem, []).append(name)
    for text in texts:
        of = text[: text.rfind(".")]
        owners = [of] if of in names else [one for one in by_stem.get(of, ()) if one not in found]
        if owners:
            found[text] = Belonging("description", tuple(sorted(owners)))
