"""What a tracker remembers: counters, history and swarms on disk, and the classic state file."""
