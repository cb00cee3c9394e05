"""Echo and fan-out with Starlette on uvicorn: what begins with "m" goes to all.

The loop over the clients is the ConnectionManager of FastAPI's documentation of websockets.
"""

from on_uvicorn import run
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

clients: list[WebSocket] = []


async def converse(socket: WebSocket) -> None:
    await socket.accept()
    clients.append(socket)
    try:
        while True:
            message = await socket.receive_bytes()
            for client in tuple(clients) if message[:1] == b"m" else (socket,):
                await client.send_bytes(message)
    except WebSocketDisconnect:
        pass
    finally:
        clients.remove(socket)


run(Starlette(routes=[WebSocketRoute("/v1/socket", converse)]))
