// Echo and fan-out with socket.io: the event "m" goes to all, "e" back to who sent it.
const { createServer } = require("node:http");
const { Server } = require("socket.io");

const web = createServer();
const io = new Server(web, { transports: ["websocket"] });
io.on("connection", (socket) => {
  socket.on("m", (content) => io.emit("m", content));
  socket.on("e", (content) => socket.emit("e", content));
});
web.listen({ host: "127.0.0.1", port: 0, backlog: 4096 }, () => console.log(web.address().port));
