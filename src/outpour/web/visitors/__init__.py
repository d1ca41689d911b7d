"""What visitors see: the list, what the publisher says of it, and how it looks."""
