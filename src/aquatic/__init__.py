"""An open BitTorrent tracker."""

from importlib.metadata import version

__version__ = version("aquatic")
