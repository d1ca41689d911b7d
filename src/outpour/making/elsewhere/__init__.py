"""Torrents of content that lies on HTTP servers: listed, and hashed while it streams."""
