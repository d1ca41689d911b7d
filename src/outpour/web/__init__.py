"""The page, the API, the metrics, the feed and the web seed, as one ASGI application."""
