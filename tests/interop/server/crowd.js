// People who only fill a room: they answer yes to everything, and who watches gets plain RTP.

import { randomUUID } from "node:crypto";

import { Peer } from "./peer.js";

const SILENT = { notify() {}, close() {}, terminate() {}, request: async () => ({}) };

/** Lets `count` people join; with a `port` media goes to it, for each of them anew, on the server's own address. */
export async function addPeople(room, count, port) {
  for (let number = 0; number < count; number += 1) {
    const peer = new Peer(`person-${randomUUID()}`, "RECV_ONLY");
    peer.socket = SILENT;
    peer.capabilities = room.router.rtpCapabilities;
    if (port) await watch(room, peer, port);
    peer.joined = true;
    room.peers.set(peer.id, peer);
    for (const other of room.others(peer)) other.socket.notify("newPeer", peer.describe());
    room.offerAll(peer);
  }
}

async function watch(room, peer, port) {
  const { listenIp } = room.options;
  const transport = await room.router.createPlainTransport({
    listenInfo: { protocol: "udp", ip: listenIp },
    appData: { producing: false, consuming: true },
  });
  await transport.connect({ ip: listenIp, port });
  peer.transports.set(transport.id, transport);
}
