"""The numbers of the tracker, its clients and the process, for Prometheus."""
