"""Lumina RT: a self-hosted, real-time websocket server for social apps."""

from importlib.metadata import version

__version__ = version("lumina-rt")
