// One visit to a meeting, from the token to the end of the connection. It is used once; coming back is
// another visit with a fresh token.

import { receiveCapabilities } from "./capabilities.js";
import { ProtooConnection } from "./protoo.js";
import { ReceiveTransport, token } from "./receive.js";

const HTTP_TIMEOUT_MS = 10_000;
const ENTRY_TIMEOUT_MS = 300_000; // a host may have to be found
const DISCONNECTED_GRACE_MS = 5_000; // ICE often recovers from "disconnected" by itself

/** The meeting does not want this viewer (back): trying again by itself would not help. */
export class VisitRefused extends Error {
  constructor(message) {
    super(message);
    this.name = "VisitRefused";
  }
}

/** Leave reasons after which a page must not come back by itself: removed, closed, ended, replaced. */
const FINAL_REASONS = new Map([
  [1002, "The host removed this viewer."],
  [1006, "The meeting was closed."],
  [1008, "The host removed everybody."],
  [1009, "The meeting was ended."],
  [1010, "This viewer was removed."],
  [1011, "The same viewer joined from another page."],
]);
const ENTRY_DENIED = "The host did not let this viewer in.";

/**
 * What happens during a visit is told to `events`, an object of functions: `state(text)`, `peer({id,
 * displayName, mode})`, `peerGone(id)`, `consumer(consumer)`, `consumerGone(id)`, `consumerPaused(id, paused)`,
 * `consumerLayers(id, spatialLayer)`. A consumer is the wire's newConsumer with `receiver`, the browser's
 * RTCRtpReceiver, and `tileId`, which keeps a peer's screen share apart from its camera.
 */
export class Visit {
  #meetingId;
  #participantId;
  #name;
  #events;
  #protoo = null;
  #transport = null;
  #entry = deferred();
  #end = deferred();
  #graceTimer = null;
  #complaint = null; // the last thing the room reported as wrong; it tells why the socket closed

  constructor({ meetingId, participantId, name, events }) {
    this.#meetingId = meetingId;
    this.#participantId = participantId;
    this.#name = name;
    this.#events = events;
    this.#entry.promise.catch(() => {}); // whether anybody waits for them depends on how far the visit came
    this.#end.promise.catch(() => {});
  }

  /** Joins; resolves when the meeting's peers are known, rejects when the visit did not come to be. */
  async join() {
    const { secret, signalingUrl } = await this.#admission();
    this.#protoo = await ProtooConnection.open(this.#roomUrl(signalingUrl, secret), {
      onRequest: (method, data) => this.#onRequest(method, data),
      onNotification: (method, data) => this.#onNotification(method, data),
      onClose: () => this.#finish(new Error(this.#complaint ?? "The connection to the room was lost.")),
    });
    const router = await this.#protoo.request("getRouterRtpCapabilities");
    const options = await this.#protoo.request("createWebRtcTransport", {
      preferredProtocol: "UDP_OVER_TCP",
      forceTcp: false,
      producing: false,
      consuming: true,
    });
    this.#transport = new ReceiveTransport(options, {
      connect: (dtlsParameters) =>
        this.#protoo.request("connectWebRtcTransport", { transportId: options.id, dtlsParameters }),
      onState: (state) => this.#onTransportState(state),
    });
    await this.#enter();
    const { peers } = await this.#protoo.request("join", {
      autoConsume: true,
      secret,
      displayName: this.#name,
      device: { flag: "browser", name: "edgemeet viewer" },
      deviceInfo: { sdkType: "edgemeet-viewer", sdkVersion: "1", platform: "browser" },
      rtpCapabilities: receiveCapabilities(router),
      metaData: {},
      mode: "RECV_ONLY",
      switchingRoom: false,
    });
    for (const peer of peers ?? []) this.#events.peer(peer);
  }

  /** Rejects with the reason when the visit is over. */
  ended() {
    return this.#end.promise;
  }

  /** Asks for a layer, 0 the lowest, at its full frame rate; the server changes over at its next keyframe. */
  preferLayer(consumerId, spatialLayer) {
    return this.#protoo.request("setConsumerPreferredLayers", { consumerId, spatialLayer });
  }

  leave() {
    this.#finish(new Error("This page left."));
  }

  async #admission() {
    const query = new URLSearchParams({ roomId: this.#meetingId, participantId: this.#participantId });
    const { token: secret } = await fetchJson(`get-token?${query}`, { method: "GET" });
    const { data } = await fetchJson("infra/v1/meetings/init-config", {
      method: "POST",
      headers: { Authorization: secret, "Content-Type": "application/json" },
      body: JSON.stringify({ roomId: this.#meetingId }),
    });
    return { secret, signalingUrl: data.signalingUrl ?? `wss://${data.baseUrl}` };
  }

  #roomUrl(signalingUrl, secret) {
    const url = new URL(signalingUrl);
    url.searchParams.set("roomId", this.#meetingId);
    url.searchParams.set("peerId", this.#participantId);
    url.searchParams.set("secret", secret);
    url.searchParams.set("mode", "RECV_ONLY");
    url.searchParams.set("peerType", "normal");
    return url.href;
  }

  async #enter() {
    this.#events.state("waiting");
    await this.#protoo.request("requestEntry", { name: this.#name });
    await within(this.#entry.promise, ENTRY_TIMEOUT_MS, "Nobody let this viewer in.");
  }

  async #onRequest(method, data) {
    switch (method) {
      case "newConsumer":
        return this.#consume(data);
      case "newDataConsumer":
        return {};
      case "statsData":
        return { peerId: this.#participantId, statsData: {} };
      case "close":
        this.#finishFor(data.reason ?? {});
        return {};
      default:
        throw Object.assign(new Error(`This viewer does not know ${method}.`), { code: 404 });
    }
  }

  async #consume(data) {
    const isShare = data.appData?.share === true;
    const tileId = isShare ? `${data.peerId}/share` : data.peerId;
    const receiver = await this.#transport.add(data, token(tileId)).catch((error) => {
      console.error(`The ${data.kind} of ${data.peerId} cannot be shown: ${error.message}`);
      throw error;
    });
    this.#events.consumer({ ...data, isShare, tileId, receiver });
    // Resumed only after the response: the server holds the consumer until then.
    setTimeout(() => this.#protoo.request("resumeConsumer", { consumerId: data.id }).catch(() => {}));
    return {};
  }

  #onNotification(method, data) {
    switch (method) {
      case "entryResponded":
        this.#onEntry(data);
        break;
      case "newPeer":
        this.#events.peer(data);
        break;
      case "peerClosed":
        this.#events.peerGone(data.peerId);
        break;
      case "consumerClosed":
        this.#events.consumerGone(data.consumerId);
        this.#transport?.remove(data.consumerId).catch(() => {});
        break;
      case "consumerPaused":
      case "consumerResumed":
        this.#events.consumerPaused(data.consumerId, method === "consumerPaused");
        break;
      case "consumerLayersChanged":
        this.#events.consumerLayers(data.consumerId, data.spatialLayer ?? null);
        break;
      case "error":
        this.#onError(data);
        break;
      default: // newer servers say more than this page shows
    }
  }

  #onEntry({ peerId, decision }) {
    if (peerId && peerId !== this.#participantId) return;
    if (decision === "allowed") this.#entry.resolve();
    else this.#entry.reject(new VisitRefused(ENTRY_DENIED));
  }

  #onError({ code, message }) {
    if (code === 4005) this.#finish(new VisitRefused(FINAL_REASONS.get(1011)));
    else this.#complaint = message || `The room reported error ${code}.`;
  }

  #finishFor({ code, message }) {
    const final = FINAL_REASONS.get(code);
    this.#finish(final ? new VisitRefused(final) : new Error(message || `The room said goodbye (${code}).`));
  }

  #onTransportState(state) {
    clearTimeout(this.#graceTimer);
    const lost = () => this.#finish(new Error("The media connection was lost."));
    if (state === "failed") lost();
    if (state === "disconnected") this.#graceTimer = setTimeout(lost, DISCONNECTED_GRACE_MS);
  }

  #finish(reason) {
    clearTimeout(this.#graceTimer);
    this.#end.reject(reason); // only the first reason counts
    this.#entry.reject(reason);
    this.#transport?.close();
    this.#protoo?.close();
  }
}

function deferred() {
  let resolve;
  let reject;
  const promise = new Promise((whenDone, whenFailed) => {
    resolve = whenDone;
    reject = whenFailed;
  });
  return { promise, resolve, reject };
}

function within(promise, timeout, message) {
  let timer;
  const deadline = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(message)), timeout);
  });
  return Promise.race([promise, deadline]).finally(() => clearTimeout(timer));
}

async function fetchJson(url, options) {
  const response = await fetch(url, { ...options, signal: AbortSignal.timeout(HTTP_TIMEOUT_MS) });
  const body = await response.json().catch(() => ({}));
  if (!response.ok) {
    const problem = body.error ?? body.message ?? response.statusText;
    throw new Error(`The sandbox refused: ${problem} (${body.code ?? response.status})`);
  }
  return body;
}
