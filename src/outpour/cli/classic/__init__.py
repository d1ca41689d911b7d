"""The commands of BitTorrent 3.4.2 and BitTornado under their old names, options and output.

Lines that scripts read are the same byte for byte.
What differs: errors go to stderr and end with an exit code (2 for a wrong command line, else
that of `outpour`), where the old commands wrote them to stdout and mostly ended with 0; files are
replaced as a whole, where they were truncated first; and a file that fails no longer keeps the
rest from being done.
"""
