// A room: one mediasoup router, its participants, and who is offered what.

import { randomUUID } from "node:crypto";

import { METHODS } from "./methods.js";
import { Peer } from "./peer.js";
import { ProtooSocket } from "./protoo.js";
import { Refused } from "./refused.js";

const H264 = { kind: "video", mimeType: "video/H264", clockRate: 90000 };
const MEDIA_CODECS = [
  { kind: "audio", mimeType: "audio/opus", clockRate: 48000, channels: 2 },
  { kind: "video", mimeType: "video/VP8", clockRate: 90000, parameters: { "x-google-start-bitrate": 1000 } },
  // A profile that edgemeet cannot make stands before the one it must find.
  { ...H264, parameters: { "packetization-mode": 1, "profile-level-id": "4d0032", "level-asymmetry-allowed": 1 } },
  { ...H264, parameters: { "packetization-mode": 1, "profile-level-id": "42e01f", "level-asymmetry-allowed": 1 } },
];

/** The worker tells of each packet until the first one has been told. */
function noteFirstPacket(peer, producer) {
  producer.on("trace", () => {
    peer.firstPackets[producer.kind] ??= Date.now() / 1000;
    producer.enableTraceEvent([]).catch(() => {}); // it may be closed by now
  });
  producer.enableTraceEvent(["rtp"]).catch(() => {});
}

export class Room {
  peers = new Map();
  sessionId = randomUUID();
  denials = 0;
  linger = 0;

  constructor(id, options, router) {
    this.id = id;
    this.options = options;
    this.router = router;
  }

  static async create(id, options, worker) {
    return new Room(id, options, await worker.createRouter({ mediaCodecs: MEDIA_CODECS }));
  }

  /** Takes a websocket whose token was checked. */
  connect(webSocket, peerId, mode) {
    this.enter(peerId, mode, (peer) =>
      new ProtooSocket(webSocket, {
        onRequest: (method, data) => this.#handle(peer, method, data),
        onClose: () => this.#lose(peer),
      }),
    );
  }

  /** A new participant, which does not count as joined yet. It throws out an older one under the same id. */
  enter(peerId, mode, openSocket) {
    const ghost = this.peers.get(peerId);
    if (ghost) {
      const message = "Leaving meeting, since this participantId joined from another device.";
      ghost.socket.notify("error", { code: 4005, message });
      this.expel(ghost, 1011, message);
    }
    const peer = new Peer(peerId, mode);
    this.peers.set(peerId, peer);
    peer.socket = openSocket(peer);
    return peer;
  }

  /** Now it counts; gives the others, as they are described. */
  join(peer) {
    const peers = this.others(peer).map((other) => other.describe());
    peer.joined = true;
    for (const other of this.others(peer)) other.socket.notify("newPeer", peer.describe());
    // After the answer, as the real one: clients set themselves up with it.
    setImmediate(() => this.offerAll(peer));
    return peers;
  }

  /** What one sends, offered to all the others. */
  async produce(peer, transport, { kind, rtpParameters, appData }) {
    const producer = await transport.produce({ kind, rtpParameters, appData });
    peer.producers.set(producer.id, producer);
    producer.observer.on("close", () => peer.producers.delete(producer.id));
    noteFirstPacket(peer, producer);
    producer.on("score", (score) => peer.socket.notify("producerScore", { producerId: producer.id, score }));
    setImmediate(() => this.offerToAll(peer, producer));
    return producer;
  }

  others(peer) {
    return [...this.peers.values()].filter((other) => other !== peer && other.joined);
  }

  /** Ends a participant's stay: reason first, then the socket. */
  expel(peer, code, message) {
    peer.socket.request("close", { reason: { code, message } }).catch(() => {});
    peer.socket.close();
    this.leave(peer);
  }

  /** Everything that is there to the one who came. */
  offerAll(peer) {
    if (!peer.joined) return;
    for (const other of this.others(peer)) {
      for (const producer of other.producers.values()) this.#offer(peer, other, producer);
      for (const dataProducer of other.dataProducers.values()) this.#offerData(peer, other, dataProducer);
    }
  }

  offerToAll(producing, producer) {
    for (const peer of this.others(producing)) this.#offer(peer, producing, producer);
  }

  offerDataToAll(producing, dataProducer) {
    for (const peer of this.others(producing)) this.#offerData(peer, producing, dataProducer);
  }

  async #offer(peer, producing, producer) {
    const offered = [...peer.consumers.values()].some((consumer) => consumer.producerId === producer.id);
    const { encodings } = producer.rtpParameters;
    // The vendor's Python SDK reads peerId and encodings from here.
    const appData = { encodings, ...producer.appData, peerId: producing.id };
    const about = { peerId: producing.id, producerId: producer.id, kind: producer.kind, appData };
    if (!peer.receiving) {
      // One who does not receive is asked all the same: what it answers is part of the wire.
      if (peer.mode === "SEND_AND_RECV" && !peer.transports.size) return;
      const rtpParameters = producer.consumableRtpParameters;
      await peer.ask("newConsumer", { ...about, id: randomUUID(), rtpParameters, type: producer.type, producerPaused: producer.paused });
      return;
    }
    const isPossible = this.router.canConsume({ producerId: producer.id, rtpCapabilities: peer.capabilities });
    if (offered || !isPossible) return;
    const { receiving, capabilities: rtpCapabilities } = peer;
    let consumer;
    try {
      consumer = await receiving.consume({ producerId: producer.id, rtpCapabilities, paused: true });
    } catch (error) {
      // Either end may have gone meanwhile: nobody misses the consumer then.
      if (producer.closed || receiving.closed) return;
      throw error;
    }
    peer.consumers.set(consumer.id, consumer);
    this.#tell(peer, consumer);
    const { id, kind, rtpParameters, type, producerPaused } = consumer;
    const { ok } = await peer.ask("newConsumer", { ...about, id, kind, rtpParameters, type, producerPaused });
    if (!ok) consumer.close();
    else if (!consumer.closed) await consumer.resume().catch(() => {});
  }

  #tell(peer, consumer) {
    const consumerId = consumer.id;
    const gone = () => {
      peer.consumers.delete(consumerId);
      peer.socket.notify("consumerClosed", { consumerId });
    };
    consumer.observer.on("close", () => peer.consumers.delete(consumerId));
    consumer.on("producerclose", gone);
    consumer.on("producerpause", () => peer.socket.notify("consumerPaused", { consumerId }));
    consumer.on("producerresume", () => peer.socket.notify("consumerResumed", { consumerId }));
    consumer.on("layerschange", (layers) =>
      peer.socket.notify("consumerLayersChanged", { consumerId, ...(layers ?? { spatialLayer: null }) }),
    );
  }

  async #offerData(peer, producing, dataProducer) {
    const about = { peerId: producing.id, dataProducerId: dataProducer.id, label: dataProducer.label };
    const { protocol, appData, sctpStreamParameters } = dataProducer;
    if (!peer.receiving?.sctpParameters) {
      if (!peer.transports.size) return;
      await peer.ask("newDataConsumer", { ...about, id: randomUUID(), protocol, appData, sctpStreamParameters });
      return;
    }
    const { receiving } = peer;
    let consumer;
    try {
      consumer = await receiving.consumeData({ dataProducerId: dataProducer.id, appData });
    } catch (error) {
      if (dataProducer.closed || receiving.closed) return;
      throw error;
    }
    const streams = consumer.sctpStreamParameters;
    const { ok } = await peer.ask("newDataConsumer", { ...about, id: consumer.id, protocol, appData, sctpStreamParameters: streams });
    if (!ok) consumer.close();
  }

  async #handle(peer, method, data) {
    const handler = METHODS[method];
    if (!handler) throw new Refused(404, `unknown method ${method}`);
    return handler(this, peer, data);
  }

  /** A websocket has ended. Where `linger` says so, media stays for so many seconds, or until the next join. */
  #lose(peer) {
    if (this.linger) setTimeout(() => this.leave(peer), 1000 * this.linger).unref();
    else this.leave(peer);
  }

  leave(peer) {
    if (this.peers.get(peer.id) !== peer) return;
    this.peers.delete(peer.id);
    peer.close();
    for (const other of this.others(peer)) other.socket.notify("peerClosed", { peerId: peer.id });
  }
}
