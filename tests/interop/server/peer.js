// A participant: its socket, or what is in the place of one, and what mediasoup holds for it.

export class Peer {
  transports = new Map();
  producers = new Map();
  consumers = new Map();
  dataProducers = new Map();
  answers = []; // what became of our requests: {method, ok, code}
  firstPackets = {}; // unix time of the first RTP packet, by kind
  candidates = { offered: [], trickled: [] }; // over WHIP, each {type, ip, port}
  joined = false;
  capabilities = null;
  wantsData = false;

  constructor(id, mode) {
    this.id = id;
    this.mode = mode;
    this.name = id;
    this.socket = null;
  }

  get receiving() {
    return [...this.transports.values()].filter((transport) => transport.appData.consuming).at(-1);
  }

  /** As the others see it. */
  describe() {
    const { id, name, mode, device, deviceInfo, metaData } = this;
    return { id, displayName: name, mode, device, deviceInfo, metaData };
  }

  /** Asks, and remembers what was answered; never rejects. */
  async ask(method, data) {
    try {
      const answer = await this.socket.request(method, data);
      this.answers.push({ method, ok: true });
      return { ok: true, answer };
    } catch (error) {
      this.answers.push({ method, ok: false, code: error.code ?? null });
      return { ok: false, code: error.code };
    }
  }

  async status() {
    const producers = [];
    for (const producer of this.producers.values()) {
      producers.push({
        id: producer.id,
        kind: producer.kind,
        type: producer.type,
        paused: producer.paused,
        score: producer.score,
        codec: producer.rtpParameters.codecs[0],
        encodings: producer.rtpParameters.encodings,
        stats: await producer.getStats(),
      });
    }
    const transports = [...this.transports.values()].map((transport) => ({
      id: transport.id,
      producing: transport.appData.producing,
      iceState: transport.iceState,
      dtlsState: transport.dtlsState,
      tuple: transport.iceSelectedTuple ?? null,
    }));
    const consumers = [...this.consumers.values()].map((consumer) => ({
      id: consumer.id,
      kind: consumer.kind,
      type: consumer.type,
      producerId: consumer.producerId,
      layers: consumer.currentLayers ?? null,
      score: consumer.score,
    }));
    const { joined, answers, firstPackets, candidates } = this;
    return { ...this.describe(), joined, answers, firstPackets, candidates, producers, transports, consumers };
  }

  close() {
    for (const transport of this.transports.values()) transport.close();
  }
}
