"""Serving: the tracker as a service, its settings, allowed set and store."""
