"""What every room stands on: errors, units, text, files and addresses; it knows no torrents."""
