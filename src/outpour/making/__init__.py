"""Files to torrents and back: listed, hashed, written down, and verified against."""
