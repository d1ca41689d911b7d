"""Who may: the torrents that are tracked, and the addresses, clients and keys that are served."""
