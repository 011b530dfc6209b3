// What tests (and curious people, in the console) may ask the page: `window.edgemeet`.

import { readCounter } from "./counter.js";
import { peakHz } from "./tone.js";

const HASH_WIDTH = 64;
const HASH_HEIGHT = 36;

export class Probe {
  #page;
  #canvas = new OffscreenCanvas(HASH_WIDTH, HASH_HEIGHT);
  #ears = new WeakMap();
  #audioContext = null;

  constructor(page) {
    this.#page = page;
  }

  /** "connecting", "waiting", "joined", "reconnecting" or "ended". */
  get state() {
    return this.#page.state;
  }

  /** Why the state is what it is, in words; empty when all is well. */
  get problem() {
    return this.#page.problem;
  }

  /** Every tile: `{id, peerId, name, isShare, firstFrameAt, video, audio}`, figures as in stats.js. */
  get tiles() {
    return this.#page.tiles.map((tile) => ({
      id: tile.id,
      peerId: tile.peerId,
      name: tile.name,
      isShare: tile.isShare,
      firstFrameAt: tile.firstFrameAt,
      ...tile.figures,
    }));
  }

  /** Pictures decoded since the consumer began; 0 without video. */
  async framesDecoded(peerId) {
    const reports = await this.#tile(peerId)?.receiver("video")?.getStats();
    return [...(reports?.values() ?? [])].find((report) => report.type === "inbound-rtp")?.framesDecoded ?? 0;
  }

  /** The number the test camera draws into each picture; null where there is none. */
  frameCounter(peerId) {
    const video = this.#video(peerId);
    return video ? readCounter(video) : null;
  }

  /** A hash of the picture as it stands, scaled down; null without a picture. */
  pixelHash(peerId) {
    const video = this.#video(peerId);
    if (!video) return null;
    const context = this.#canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(video, 0, 0, HASH_WIDTH, HASH_HEIGHT);
    let hash = 0x811c9dc5; // FNV-1a, 32 bits
    for (const sample of context.getImageData(0, 0, HASH_WIDTH, HASH_HEIGHT).data) {
      hash = Math.imul(hash ^ sample, 0x01000193);
    }
    return hash >>> 0;
  }

  /**
   * The next `count` pictures the browser shows: `[{at, counter, hash, width, height}]`, `at` in ms since the
   * navigation began. Rejects when they do not come within `timeout` ms.
   */
  watchFrames(peerId, count, timeout) {
    return new Promise((resolve, reject) => {
      const seen = [];
      const deadline = setTimeout(
        () => reject(new Error(`${seen.length} of ${count} pictures came within ${timeout / 1000} s.`)),
        timeout,
      );
      const take = (now, { width, height }) => {
        seen.push({ at: now, counter: this.frameCounter(peerId), hash: this.pixelHash(peerId), width, height });
        if (seen.length < count) return next();
        clearTimeout(deadline);
        return resolve(seen);
      };
      const next = () => this.#tile(peerId)?.video.requestVideoFrameCallback(take);
      next();
    });
  }

  /**
   * The frequency of the loudest tone in the last 0.7 s of sound, in Hz; null while there is none. Ask again
   * until it settles: the first call only begins to listen.
   */
  async audioPeakHz(peerId) {
    const track = this.#tile(peerId)?.receiver("audio")?.track;
    if (!track) return null;
    this.#audioContext ??= new AudioContext({ sampleRate: 48_000 });
    await this.#audioContext.resume();
    let ears = this.#ears.get(track);
    if (!ears) {
      const source = this.#audioContext.createMediaStreamSource(new MediaStream([track]));
      const analyser = new AnalyserNode(this.#audioContext, { fftSize: 32_768, smoothingTimeConstant: 0 });
      source.connect(analyser);
      ears = { source, analyser }; // both: nothing else holds the source
      this.#ears.set(track, ears);
    }
    return peakHz(ears.analyser);
  }

  #tile(peerId) {
    return this.#page.tiles.find((tile) => tile.peerId === peerId);
  }

  #video(peerId) {
    const video = this.#tile(peerId)?.video;
    return video?.videoWidth > 0 ? video : null;
  }
}
