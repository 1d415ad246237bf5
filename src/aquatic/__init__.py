"""An open BitTorrent tracker."""

__version__ = "0.1.0"
