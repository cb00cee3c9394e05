"""Echo and fan-out with python-socketio on uvicorn: the event "m" goes to all, "e" comes back."""

import socketio
from on_uvicorn import run

server = socketio.AsyncServer(async_mode="asgi", transports=["websocket"])


@server.event
async def m(sid: str, content: str) -> None:
    await server.emit("m", content)


@server.event
async def e(sid: str, content: str) -> None:
    await server.emit("e", content, to=sid)


run(socketio.ASGIApp(server))
