"""What a .torrent is: frozen values read from bytes and written back, without touching a disk."""
