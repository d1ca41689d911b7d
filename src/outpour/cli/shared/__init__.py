"""What commands share, so that a file beside this folder is a command."""
