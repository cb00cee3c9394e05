// Echo and fan-out with `ws`: what begins with "m" goes to all, anything else back to who sent it.
const { WebSocket, WebSocketServer } = require("ws");

const server = new WebSocketServer({ host: "127.0.0.1", port: 0, backlog: 4096 });
server.on("listening", () => console.log(server.address().port));
server.on("connection", (socket) => {
  socket.on("message", (data) => {
    if (data[0] !== 0x6d) {
      socket.send(data);
      return;
    }
    for (const client of server.clients) {
      if (client.readyState === WebSocket.OPEN) client.send(data);
    }
  });
});
