"""What is listed beside what is held: a look through all of both, away from the event loop.

Everything here is called in a thread. What it finds is acted upon on the event loop, at a cost in
proportion to what changed; there it may be known better by then.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from outpour.mirror.grace import Grace
from outpour.mirror.holdings import Held
from outpour.mirror.offer import MAGNET, Listing, Offer
from outpour.mirror.wishes import Wishes


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a listing brought.

    Attributes:
        listed: All that is listed by now, by its keys.
        chosen: What of it is wanted, the newest first.
        known: Infohashes of what is held, and was not listed before.
        missing: What is held and listed no longer.
        back: What was missing, and is listed again.
        told: Infohashes of what is held and listed otherwise than before.
    """

    listed: dict[str, Offer]
    chosen: dict[str, Offer]
    known: list[bytes]
    missing: list[Held]
    back: list[Held]
    told: list[tuple[bytes, Offer]]


@dataclass(frozen=True, slots=True)
class Sides:
    """What a listing is compared with.

    Attributes:
        listed: What was listed before, by its keys.
        held: All that is held.
        infohashes: Of what is known, by its keys.
        wishes: What is wanted.
        grace: Knows what is missing.
        withdraws: What is listed no longer is withdrawn; else the newest alone are listed.
        differs: Whether more is told of a torrent than is kept.
    """

    listed: Mapping[str, Offer]
    held: Collection[Held]
    infohashes: Mapping[str, bytes]
    wishes: Wishes
    grace: Grace
    withdraws: bool
    differs: Callable[[bytes, Offer], bool]


def compare(listing: Listing, sides: Sides, *, is_again: bool) -> Comparison:
    """Compare a listing with what was there.

    Args:
        listing: What is listed now.
        sides: What was there.
        is_again: The publisher was gone before, and may have forgotten whatever it knew.
    """
    fresh = listing.offers.keys() if is_again else listing.offers.keys() - sides.listed.keys()
    known = [one for key in fresh if (one := sides.infohashes.get(key)) is not None]
    listed = dict(listing.offers) if listing.is_whole else {**sides.listed, **listing.offers}
    pool = listed
    if not sides.withdraws:
        older = (as_offer(held) for held in sides.held)
        pool = {**listed, **{one.key: one for one in older if one.key not in listed}}
    chosen = {offer.key: offer for offer in sides.wishes.chosen(pool.values())}
    missing, back = [], []
    if sides.withdraws and listing.is_whole:
        for held in sides.held:
            if held.key not in listed:
                if held.infohash not in sides.grace:
                    missing.append(held)
            elif held.infohash in sides.grace:
                back.append(held)
    told = []
    for held in sides.held:
        offer = listing.offers.get(held.key)
        if offer is not None and (
            held.told(offer) is not held or sides.differs(held.infohash, offer)
        ):
            told.append((held.infohash, offer))
    return Comparison(listed, chosen, known, missing, back, told)


def surplus(
    held: Collection[Held],
    listed: Mapping[str, Offer],
    chosen: Mapping[str, Offer],
    *,
    withdraws: bool,
) -> list[Held]:
    """What is held and listed, and not wanted."""
    return [one for one in held if (one.key in listed or not withdraws) and one.key not in chosen]


def as_offer(held: Held) -> Offer:
    """What is held, as a feed listed it once."""
    url = None if held.key.startswith(MAGNET) else held.key
    return Offer(held.key, held.name, held.length, held.published_at, held.group, url)
