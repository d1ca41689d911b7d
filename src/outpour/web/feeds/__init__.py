"""What readers and engines follow: feeds of the newest torrents, and the map of all pages."""
