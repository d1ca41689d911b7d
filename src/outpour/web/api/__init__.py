"""The JSON API: a table of what can be asked, its answers, and its description from the table."""
