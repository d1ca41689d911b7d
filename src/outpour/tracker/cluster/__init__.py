"""Trackers that act as one: what happens at a node goes to the others over Valkey or Redis."""
