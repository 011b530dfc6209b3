// The page: its state line, its tiles, and the loop that goes on visiting the meeting.

import { backoff, pause } from "./backoff.js";
import { Tile } from "./tile.js";
import { Visit, VisitRefused } from "./visit.js";

const FIGURES_EVERY_MS = 1000;
const LEVEL_EVERY_MS = 150;

// Who joins so has, or may soon have, something to show.
const SENDING_MODES = new Set(["SEND_AND_RECV", "CONFERENCE"]);

const STATE_TEXTS = {
  connecting: "Connecting…",
  waiting: "Waiting to be let in…",
  joined: "Joined",
  reconnecting: "Reconnecting…",
  ended: "Ended",
};

export class Page {
  #meetingId;
  #elements;
  #tiles = new Map();
  #roster = new Map();
  #visit = null;
  #soundOn = false;

  constructor(meetingId, elements) {
    this.#meetingId = meetingId;
    this.#elements = elements;
    this.state = "connecting";
    this.problem = "";
    elements.sound.addEventListener("click", () => this.setSound(!this.#soundOn));
    setInterval(() => this.#eachTile((tile) => tile.refresh()), FIGURES_EVERY_MS);
    setInterval(() => this.#eachTile((tile) => tile.refreshLevel()), LEVEL_EVERY_MS);
    window.addEventListener("pagehide", () => this.#visit?.leave());
    window.addEventListener("pageshow", (event) => event.persisted && window.location.reload());
  }

  get tiles() {
    return [...this.#tiles.values()];
  }

  get soundOn() {
    return this.#soundOn;
  }

  setSound(on) {
    this.#soundOn = on;
    this.#elements.sound.classList.toggle("primary", !on);
    this.#elements.soundLabel.textContent = on ? "Turn sound off" : "Turn sound on";
    for (const tile of this.tiles) tile.setSound(on);
  }

  /** Stays in the meeting until it is over for good. */
  async run() {
    let waits = backoff();
    for (;;) {
      const problem = await this.#visitOnce(() => (waits = backoff()));
      this.#clear();
      if (problem instanceof VisitRefused) {
        this.#show("ended", problem.message);
        return;
      }
      this.#show("reconnecting", problem.message);
      await pause(waits.next().value);
    }
  }

  async #visitOnce(whenJoined) {
    const visit = new Visit({
      meetingId: this.#meetingId,
      participantId: `viewer-${randomSuffix()}`,
      name: "Viewer page",
      events: this.#events(),
    });
    this.#visit = visit;
    try {
      await visit.join();
      whenJoined();
      this.#show("joined");
      return await visit.ended();
    } catch (problem) {
      return problem;
    } finally {
      visit.leave();
    }
  }

  #events() {
    return {
      state: (state) => this.#show(this.state === "reconnecting" ? "reconnecting" : state),
      peer: (peer) => this.#peer(peer),
      peerGone: (peerId) => {
        this.#roster.delete(peerId);
        for (const tile of this.tiles.filter((each) => each.peerId === peerId)) this.#remove(tile);
      },
      consumer: (consumer) => this.#consumer(consumer),
      consumerGone: (consumerId) => {
        for (const tile of this.tiles) {
          if (tile.detach(consumerId) && tile.isEmpty && !this.#deserves(tile)) this.#remove(tile);
        }
        this.#showCount();
      },
      consumerPaused: (consumerId, paused) => this.tiles.forEach((tile) => tile.setPaused(consumerId, paused)),
      consumerLayers: (consumerId, layer) => this.tiles.forEach((tile) => tile.setCurrentLayer(consumerId, layer)),
    };
  }

  #peer({ id, displayName, mode }) {
    this.#roster.set(id, { name: displayName || id, maySend: SENDING_MODES.has(mode) });
    if (SENDING_MODES.has(mode)) this.#tile({ tileId: id, peerId: id, isShare: false });
    for (const tile of this.tiles.filter((each) => each.peerId === id)) tile.name = this.#roster.get(id).name;
    this.#showCount();
  }

  #consumer(consumer) {
    this.#tile(consumer).attach(consumer, this.#soundOn);
    this.#showCount();
  }

  #tile({ tileId, peerId, isShare }) {
    const existing = this.#tiles.get(tileId);
    if (existing) return existing;
    const tile = new Tile({
      id: tileId,
      peerId,
      isShare,
      preferLayer: (consumerId, layer) => this.#visit.preferLayer(consumerId, layer),
    });
    tile.name = this.#roster.get(peerId)?.name ?? peerId;
    this.#tiles.set(tileId, tile);
    this.#elements.tiles.append(tile.element);
    return tile;
  }

  // A device whose camera and microphone are off is still there; a screen share that ended is not.
  #deserves(tile) {
    return !tile.isShare && this.#roster.get(tile.peerId)?.maySend === true;
  }

  #remove(tile) {
    this.#tiles.delete(tile.id);
    tile.remove();
    this.#showCount();
  }

  #clear() {
    this.#roster.clear();
    for (const tile of this.tiles) this.#remove(tile);
  }

  #show(state, problem = "") {
    this.state = state;
    this.problem = problem;
    const { stateLine, stateText, problemText, rejoin } = this.#elements;
    stateLine.dataset.state = state;
    stateText.textContent = STATE_TEXTS[state];
    problemText.textContent = problem;
    problemText.hidden = problem === "";
    rejoin.hidden = state !== "ended";
    this.#showCount();
  }

  #showCount() {
    const senders = new Set(this.tiles.filter((tile) => !tile.isEmpty).map((tile) => tile.peerId));
    const others = [...this.#roster.keys()].filter((id) => !senders.has(id)).length;
    const parts = [`${senders.size} sending`];
    if (others > 0) parts.push(`${others} more in the room`);
    this.#elements.count.textContent = this.state === "joined" ? parts.join(" · ") : "";
    this.#elements.empty.hidden = !(this.state === "joined" && this.#tiles.size === 0);
    this.#elements.tiles.dataset.count = String(Math.min(this.#tiles.size, 5));
  }

  #eachTile(work) {
    // A tile may lose its receiver between the timer and the answer; the next round shows what is left.
    for (const tile of this.tiles) work(tile).catch(() => {});
  }
}

// crypto.randomUUID is kept from pages that are served over plain http to other machines.
function randomSuffix() {
  return crypto.getRandomValues(new Uint32Array(1))[0].toString(16).padStart(8, "0");
}
