// A VideoSDK-shaped room server on real mediasoup, for tests:
//   MEDIASOUP_WORKER_BIN=... node main.js '{"listenIp": "127.0.0.1", "rooms": ["abcd-efgh-ijkl"], ...}'
// Says {"port": ...} on standard output when it is ready; ends when standard input does.

import { createServer } from "node:http";

import * as mediasoup from "mediasoup";
import { WebSocketServer } from "ws";

import { Refused } from "./refused.js";
import { createHandler } from "./rest.js";
import { Room } from "./room.js";
import { checkBinding, verify } from "./tokens.js";

const DEFAULTS = { listenIp: "127.0.0.1", port: 0, apiKey: "key", apiSecret: "secret", rooms: [], iceServers: "" };

const options = { ...DEFAULTS, ...JSON.parse(process.argv[2] ?? "{}") };
const worker = await mediasoup.createWorker({ logLevel: "warn", disableLiburing: true });
worker.on("died", (error) => {
  console.error(`the worker died: ${error}`);
  process.exit(1);
});

const rooms = new Map();
for (const id of options.rooms) rooms.set(id, await Room.create(id, options, worker));

const server = createServer(createHandler(options, rooms));
const sockets = new WebSocketServer({ server, handleProtocols: (offered) => offered.has("protoo") && "protoo" });

sockets.on("connection", (socket, request) => {
  const query = Object.fromEntries(new URL(request.url, "http://server").searchParams);
  try {
    const room = rooms.get(query.roomId);
    if (!room) throw new Refused(4003, "Meeting id is invalid.");
    checkBinding(verify(options, query.secret), room.id, query.peerId);
    room.connect(socket, query.peerId, query.mode);
  } catch (error) {
    socket.send(JSON.stringify({ notification: true, method: "error", data: { code: error.code, message: error.message } }));
    socket.close(4000);
  }
});

server.listen(options.port, options.httpIp ?? options.listenIp, () => {
  options.port = server.address().port;
  console.log(JSON.stringify({ port: options.port }));
});

process.stdin.on("end", () => process.exit(0));
process.stdin.resume();
