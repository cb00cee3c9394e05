"""The thin HTTP side, in aiohttp."""
