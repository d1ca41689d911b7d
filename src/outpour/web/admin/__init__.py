"""The operator's pages at `/admin`: what goes on, why announces are refused, and what to do."""
