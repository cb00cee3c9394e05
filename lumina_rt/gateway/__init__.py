"""The socket side: the only room that knows websockets' Sans-I/O server."""
