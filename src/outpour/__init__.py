"""outpour: distribute files with BitTorrent.

General layout: values (`bencode`, `metainfo`, `magnet`) are frozen and know nothing; makers
(`walker`, `hasher`, `maker`, `editor`, `verifier`) turn files into values and back; services
(`tracker`, `engine`, `web`) own state, and whole jobs (`publisher`) only call them.
Imports go one way: cli, publisher, web, tracker | engine | announcer, maker | editor | verifier,
walker | hasher | linter, magnet, metainfo, bencode, errors | units.
"""
