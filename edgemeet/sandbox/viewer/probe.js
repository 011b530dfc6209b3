// What tests (and curious people, in the console) may ask the page: `window.edgemeet`.

import { counterHeight, readCounter } from "./counter.js";
import { peakHz } from "./tone.js";

const SNAPSHOT_WIDTH = 640; // eight pixels for each of the counter's blocks

export class Probe {
  #page;
  #canvas = new OffscreenCanvas(SNAPSHOT_WIDTH, SNAPSHOT_WIDTH);
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
    return this.#look(peerId)?.counter ?? null;
  }

  /** A hash of the picture as it stands, without the place of the drawn counter; null without a picture. */
  pixelHash(peerId) {
    return this.#look(peerId)?.hash ?? null;
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
        const look = this.#look(peerId);
        // What is drawn may be newer than what the callback is for, and then it comes a second time.
        const isRepeated = look?.counter != null && look.counter === seen.at(-1)?.counter;
        if (look && !isRepeated) seen.push({ at: now, width, height, ...look });
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

  // Counter and hash of one and the same picture: two looks at a playing video may see two.
  #look(peerId) {
    const video = this.#tile(peerId)?.video;
    if (!(video?.videoWidth > 0)) return null;
    const height = Math.min(SNAPSHOT_WIDTH, Math.round((SNAPSHOT_WIDTH * video.videoHeight) / video.videoWidth));
    const context = this.#canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(video, 0, 0, SNAPSHOT_WIDTH, height);
    const picture = context.getImageData(0, 0, SNAPSHOT_WIDTH, height);
    return { counter: readCounter(picture), hash: hashBelow(picture, counterHeight(SNAPSHOT_WIDTH)) };
  }
}

// FNV-1a over the pixels below the given row.
function hashBelow({ data, width }, row) {
  const pixels = new Uint32Array(data.buffer, 4 * width * row);
  let hash = 0x811c9dc5;
  for (const pixel of pixels) hash = Math.imul(hash ^ pixel, 0x01000193);
  return hash >>> 0;
}
