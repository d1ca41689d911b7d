"""The logs of requests: what was asked, and what was refused, a line each."""
