// What participants ask for, method by method: `(room, peer, data) => answer`.

import { Refused } from "./refused.js";
import { checkBinding, verify } from "./tokens.js";

const PROTOCOLS = { UDP_ONLY: ["udp"], UDP_OVER_TCP: ["udp", "tcp"], TCP_ONLY: ["tcp"] };

function found(map, id, what) {
  const value = map.get(id);
  if (!value) throw new Refused(404, `there is no ${what} ${id}`);
  return value;
}

/** A transport of a participant, and its parameters for the other end. */
export async function createTransport(room, peer, data) {
  const { preferredProtocol = "UDP_OVER_TCP", producing, consuming, sctpCapabilities, iceConsentTimeout } = data;
  const protocols = PROTOCOLS[preferredProtocol];
  if (!protocols) throw new Refused(400, `preferredProtocol ${preferredProtocol} is unknown`);
  const { listenIp, announcedAddress } = room.options;
  const transport = await room.router.createWebRtcTransport({
    listenInfos: protocols.map((protocol) => ({ protocol, ip: listenIp, announcedAddress })),
    preferUdp: true,
    iceConsentTimeout,
    enableSctp: Boolean(sctpCapabilities),
    numSctpStreams: sctpCapabilities?.numStreams,
    initialAvailableOutgoingBitrate: 3_000_000,
    appData: { producing: Boolean(producing), consuming: Boolean(consuming) },
  });
  peer.transports.set(transport.id, transport);
  transport.observer.on("close", () => peer.transports.delete(transport.id));
  const { id, iceParameters, iceCandidates, dtlsParameters, sctpParameters = null } = transport;
  return { transport, parameters: { id, iceParameters, iceCandidates, dtlsParameters, sctpParameters } };
}

async function createWebRtcTransport(room, peer, data) {
  const { parameters } = await createTransport(room, peer, data);
  if (data.consuming) room.offerAll(peer);
  return parameters;
}

async function connectWebRtcTransport(room, peer, { transportId, dtlsParameters }) {
  await found(peer.transports, transportId, "transport").connect({ dtlsParameters });
}

async function restartIce(room, peer, { transportId }) {
  const iceParameters = await found(peer.transports, transportId, "transport").restartIce();
  return { iceParameters };
}

async function requestEntry(room, peer, { name }) {
  peer.name = name || peer.name;
  const isAllowed = room.denials === 0;
  if (!isAllowed) room.denials -= 1;
  const decision = isAllowed ? "allowed" : "denied";
  peer.socket.notify("entryResponded", { id: peer.id, peerId: peer.id, decision, sessionId: room.sessionId });
}

async function join(room, peer, data) {
  checkBinding(verify(room.options, data.secret), room.id, peer.id);
  peer.name = data.displayName || peer.name;
  peer.mode = data.mode ?? peer.mode;
  peer.capabilities = data.rtpCapabilities;
  peer.wantsData = Boolean(data.sctpCapabilities);
  peer.device = data.device;
  peer.deviceInfo = data.deviceInfo;
  peer.metaData = data.metaData;
  const peers = room.join(peer);
  return { peers, messages: [], sessionId: room.sessionId };
}

async function produce(room, peer, { transportId, kind, rtpParameters, appData = {} }) {
  const transport = found(peer.transports, transportId, "transport");
  const producer = await room.produce(peer, transport, { kind, rtpParameters, appData });
  return { id: producer.id };
}

async function produceData(room, peer, { transportId, sctpStreamParameters, label, protocol, appData }) {
  const transport = found(peer.transports, transportId, "transport");
  const dataProducer = await transport.produceData({ sctpStreamParameters, label, protocol, appData: appData ?? {} });
  peer.dataProducers.set(dataProducer.id, dataProducer);
  dataProducer.observer.on("close", () => peer.dataProducers.delete(dataProducer.id));
  setImmediate(() => room.offerDataToAll(peer, dataProducer));
  return { id: dataProducer.id };
}

const onProducer = (act) => (room, peer, { producerId }) => act(found(peer.producers, producerId, "producer"));
const onConsumer = (act) => (room, peer, data) => act(found(peer.consumers, data.consumerId, "consumer"), data);

export const METHODS = {
  getRouterRtpCapabilities: (room) => room.router.rtpCapabilities,
  createWebRtcTransport,
  connectWebRtcTransport,
  restartIce,
  requestEntry,
  join,
  produce,
  produceData,
  closeProducer: onProducer((producer) => producer.close()),
  pauseProducer: onProducer((producer) => producer.pause()),
  resumeProducer: onProducer((producer) => producer.resume()),
  resumeConsumer: onConsumer((consumer) => consumer.resume()),
  pauseConsumer: onConsumer((consumer) => consumer.pause()),
  requestConsumerKeyFrame: onConsumer((consumer) => consumer.requestKeyFrame()),
  setConsumerPreferredLayers: onConsumer((consumer, { spatialLayer, temporalLayer }) =>
    consumer.setPreferredLayers({ spatialLayer, temporalLayer }),
  ),
  getTransportStats: async (room, peer) =>
    Promise.all([...peer.transports.values()].map((transport) => transport.getStats())).then((stats) => ({ stats })),
};
