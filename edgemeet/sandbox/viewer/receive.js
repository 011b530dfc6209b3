// The receiving transport: one RTCPeerConnection, one m-line per consumer. The server is played as the
// offering side from its ORTC parameters, the browser answers.

import { buildOffer, dtlsParametersOf } from "./sdp.js";

export class ReceiveTransport {
  #options;
  #connect;
  #peerConnection;
  #sections = [];
  #offered = 0; // m-lines that the browser has accepted; they must stay in every later offer
  #version = 0;
  #connected = false;
  #turn = Promise.resolve();

  /**
   * `options` is the answer to createWebRtcTransport. `connect(dtlsParameters)` is called once, before the
   * first consumer's media can flow, and tells the server this side's DTLS parameters. `onState(state)` gets
   * the states of RTCPeerConnection.connectionState.
   */
  constructor(options, { connect, onState }) {
    this.#options = options;
    this.#connect = connect;
    this.#peerConnection = new RTCPeerConnection({ iceServers: [], bundlePolicy: "max-bundle" });
    this.#peerConnection.onconnectionstatechange = () => onState(this.#peerConnection.connectionState);
  }

  get id() {
    return this.#options.id;
  }

  /**
   * Adds a consumer and gives its RTCRtpReceiver. `streamId` groups what is to be played in step.
   * Calls are worked off one after another.
   */
  add({ id, kind, rtpParameters }, streamId) {
    const consumer = { active: true, consumerId: id, kind, rtpParameters, streamId, trackId: token(id) };
    return this.#inTurn(async () => {
      const free = this.#sections.findIndex((section) => !section.active && section.kind === kind);
      const index = free >= 0 ? free : this.#sections.length;
      const before = [...this.#sections];
      this.#sections[index] = { mid: String(index), ...consumer };
      try {
        await this.#negotiate();
      } catch (error) {
        this.#forget(index, before);
        throw error;
      }
      const found = this.#peerConnection.getTransceivers().find(({ mid }) => mid === String(index));
      if (!found) throw new Error(`The browser did not take the ${kind} of consumer ${id}.`);
      return found.receiver;
    });
  }

  /** Takes a consumer away; unknown ids are no error. */
  remove(consumerId) {
    return this.#inTurn(async () => {
      const section = this.#sections.find((used) => used.active && used.consumerId === consumerId);
      if (!section) return;
      section.active = false;
      section.consumerId = null;
      await this.#negotiate();
    });
  }

  close() {
    this.#peerConnection.onconnectionstatechange = null;
    this.#peerConnection.close();
  }

  #inTurn(work) {
    const result = this.#turn.then(() => {
      if (this.#peerConnection.signalingState === "closed") throw new Error("The transport is closed.");
      return work();
    });
    this.#turn = result.catch(() => {});
    return result;
  }

  // So that one consumer that the browser cannot take does not spoil the offers for all others.
  #forget(index, before) {
    if (index < this.#offered) this.#sections[index] = { ...(before[index] ?? this.#sections[index]), active: false };
    else this.#sections = before;
  }

  async #negotiate() {
    this.#version += 1;
    const sdp = buildOffer(this.#options, this.#sections, this.#version);
    await this.#peerConnection.setRemoteDescription({ type: "offer", sdp });
    this.#offered = this.#sections.length;
    const answer = await this.#peerConnection.createAnswer();
    if (!this.#connected) {
      await this.#connect(dtlsParametersOf(answer.sdp));
      this.#connected = true;
    }
    await this.#peerConnection.setLocalDescription(answer);
  }
}

/** `text` as an SDP token (RFC 8866): participants may choose ids that are none. */
export function token(text) {
  return String(text).replace(/[^A-Za-z0-9_-]/g, (sign) => `.${sign.codePointAt(0).toString(16)}`);
}
