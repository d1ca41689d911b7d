"""What the benchmarks share: starting programs, reading what they used, showing the figures.

Each benchmark is a script beside this package; a script measures, this package knows how each
contender is called.
"""
