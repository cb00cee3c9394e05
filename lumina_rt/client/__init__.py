"""The client SDK, for bots, tests and load tests.

    async with Client("ws://127.0.0.1:8080/v1/socket", token=token) as client:
        sent = await client.call(SendMessage(...))
        async for message in follow(client, conversation_id):
            print(message.content)

It needs lumina_protocol and websockets, and nothing else of the server.
"""

from lumina_rt.client.client import Client
from lumina_rt.client.errors import CallTimeout, ClientError, Disconnected, Overflow
from lumina_rt.client.follow import follow
from lumina_rt.client.identity import StoredLogin
from lumina_rt.client.inbox import Connected, Inbox, Interrupted, News

__all__ = [
    "CallTimeout",
    "Client",
    "ClientError",
    "Connected",
    "Disconnected",
    "Inbox",
    "Interrupted",
    "News",
    "Overflow",
    "StoredLogin",
    "follow",
]
