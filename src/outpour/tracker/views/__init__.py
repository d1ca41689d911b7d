"""What a tracker shows of itself at one moment: a census of its swarms, in rows and totals."""
