"""Echo and fan-out with the server of `websockets`, on uvloop: what begins with "m" goes to all."""

import sys

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosedError

clients: set[ServerConnection] = set()


async def converse(connection: ServerConnection) -> None:
    clients.add(connection)
    try:
        async for message in connection:
            if message[:1] == b"m":
                broadcast(clients, message)
            else:
                await connection.send(message)
    except ConnectionClosedError:
        pass
    finally:
        clients.discard(connection)


async def main() -> None:
    async with serve(converse, "127.0.0.1", 0, backlog=4096) as server:
        sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
        sys.stdout.flush()
        await server.serve_forever()


uvloop.run(main())
