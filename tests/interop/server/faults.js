// What tests may do to the server: `POST /fault/<name>` with a JSON object.

import { addPeople } from "./crowd.js";

const all = (rooms) => [...rooms.values()].flatMap((room) => [...room.peers.values()].map((peer) => ({ room, peer })));
const named = (rooms, peerId) => all(rooms).filter(({ peer }) => !peerId || peer.id === peerId);

export const FAULTS = {
  /** Websockets end without a goodbye. */
  killSockets: (rooms, { peerId }) => named(rooms, peerId).forEach(({ peer }) => peer.socket.terminate()),
  /** From now on media outlives the websocket of its participant for so many seconds. */
  linger: (rooms, { seconds }) => [...rooms.values()].forEach((room) => (room.linger = seconds)),
  /** The media server forgets its transports. */
  closeTransports: (rooms, { peerId }) =>
    named(rooms, peerId).forEach(({ peer }) => [...peer.transports.values()].forEach((transport) => transport.close())),
  closeRoom: (rooms) => all(rooms).forEach(({ room, peer }) => room.expel(peer, 1006, "The meeting was closed.")),
  removePeer: (rooms, { peerId }) =>
    named(rooms, peerId).forEach(({ room, peer }) => room.expel(peer, 1002, "Removed by a host.")),
  denyNext: (rooms, { roomId, count = 1 }) => {
    rooms.get(roomId).denials = count;
  },
  /** People who fill the room, and watch when there is a `port` for what they get. */
  addPeople: (rooms, { roomId, count, port }) => addPeople(rooms.get(roomId), count, port),
  /** Any request to a participant, such as disableWebcam; gives what it answered. */
  ask: (rooms, { peerId, method, data = {} }) => named(rooms, peerId)[0].peer.ask(method, data),
};
