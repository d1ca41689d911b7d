"""What is shown of one torrent: its page, history, files, checksums, and what others link to."""
