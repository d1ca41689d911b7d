"""Who finds a place among the open connections, by the address it comes from."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

import pytest

from outpour.web import connection_table
from outpour.web.connection_table import ConnectionTable, site_of


@dataclass(eq=False)
class Busy:
    """A connection whose request is being answered."""

    is_idle: bool = False
    last_active_s: float = 0.0

    def evict(self) -> None:
        raise AssertionError("a busy connection is not closed")


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> ConnectionTable:
    monkeypatch.setattr(connection_table, "CONNECTIONS_PER_ADDRESS_MAX", 2)
    return ConnectionTable()


def test_neighbours_in_a_network_of_64_bits_have_the_places_of_one_address(table: ConnectionTable):
    for host in ("2001:db8::1", "2001:db8::ffff:1"):
        assert table.enter(Busy(), (host, 1000))
    assert not table.enter(Busy(), ("2001:db8::2:3", 1000))
    assert table.enter(Busy(), ("2001:db8:0:1::1", 1000))


def test_each_ipv4_address_has_places_of_its_own(table: ConnectionTable):
    for _ in range(2):
        assert table.enter(Busy(), ("192.0.2.1", 1000))
    assert not table.enter(Busy(), ("192.0.2.1", 1000))
    assert table.enter(Busy(), ("192.0.2.2", 1000))


def test_a_site_is_written_as_its_network():
    assert site_of(ipaddress.ip_address("2001:db8::42")) == "2001:db8::/64"
    assert site_of(ipaddress.ip_address("192.0.2.1")) == "192.0.2.1"
