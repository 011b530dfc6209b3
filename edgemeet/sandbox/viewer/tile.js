// One participant on the page: picture, sound, name and figures.

import { formatBitrate, meterFraction, ReceiverMeter } from "./stats.js";

const LAYER_NAMES = { 2: ["low", "high"], 3: ["low", "mid", "high"] };
const KINDS = ["video", "audio"];

/** How many layers a consumer can be asked for. */
export function layerCount({ kind, appData, rtpParameters }) {
  if (kind !== "video") return 1;
  const declared = appData?.encodings?.length;
  const mode = /^[LS](\d)/.exec(rtpParameters.encodings[0].scalabilityMode ?? "");
  return Math.max(declared ?? 1, mode ? Number(mode[1]) : 1);
}

export class Tile {
  #consumers = new Map(); // kind → {consumer, meter, figures, paused}
  #stream = new MediaStream();
  #parts;
  #preferLayer;
  #hasPicture = false;

  /** `preferLayer(consumerId, spatialLayer)` asks the server for a layer; it returns a promise. */
  constructor({ id, peerId, isShare, preferLayer }) {
    this.id = id;
    this.peerId = peerId;
    this.isShare = isShare;
    this.firstFrameAt = null; // ms since the page's navigation began
    this.#preferLayer = preferLayer;
    const template = document.getElementById("tile-template");
    this.element = template.content.firstElementChild.cloneNode(true);
    this.#parts = Object.fromEntries(
      [...this.element.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]),
    );
    this.video.srcObject = this.#stream;
    this.name = peerId;
  }

  get video() {
    return this.#parts.video;
  }

  get isEmpty() {
    return this.#consumers.size === 0;
  }

  get name() {
    return this.#parts.name.textContent;
  }

  set name(text) {
    this.#parts.name.textContent = this.isShare ? `${text} (screen)` : text;
    this.element.setAttribute("aria-label", this.name);
    this.video.setAttribute("aria-label", `Picture of ${this.name}`);
    this.#parts.meter.setAttribute("aria-label", `Sound level of ${this.name}`);
  }

  /** The latest figures: `{video, audio}`, each as ReceiverMeter gives them or null. */
  get figures() {
    return Object.fromEntries(KINDS.map((kind) => [kind, this.#consumers.get(kind)?.figures ?? null]));
  }

  receiver(kind) {
    return this.#consumers.get(kind)?.consumer.receiver ?? null;
  }

  attach(consumer, soundOn) {
    this.#drop(consumer.kind);
    this.#stream.addTrack(consumer.receiver.track);
    this.#consumers.set(consumer.kind, {
      consumer,
      meter: new ReceiverMeter(consumer.receiver),
      figures: null,
      paused: consumer.producerPaused === true,
    });
    if (consumer.kind === "video") {
      this.#awaitPicture();
      this.#showLayers(consumer);
    }
    this.setSound(soundOn);
    this.#refreshNotice();
  }

  /** Takes a consumer away; false when it is not this tile's. */
  detach(consumerId) {
    const kind = this.#kindOf(consumerId);
    if (!kind) return false;
    this.#drop(kind);
    if (kind === "video") this.#parts.layers.hidden = true;
    this.#refreshNotice();
    return true;
  }

  setPaused(consumerId, paused) {
    const kind = this.#kindOf(consumerId);
    if (!kind) return;
    this.#consumers.get(kind).paused = paused;
    this.#refreshNotice();
  }

  setCurrentLayer(consumerId, spatialLayer) {
    if (this.#kindOf(consumerId) !== "video") return;
    for (const button of this.#parts.layers.querySelectorAll("button")) {
      button.toggleAttribute("data-current", Number(button.value) === spatialLayer);
    }
  }

  /** Plays with or without sound. Rejects nothing: a browser that forbids sound plays on without. */
  setSound(on) {
    this.video.muted = !on;
    this.video.play().catch((error) => {
      if (error.name !== "NotAllowedError" || this.video.muted) return;
      this.video.muted = true;
      this.video.play().catch(() => {});
    });
  }

  /** Reads the statistics and shows them. */
  async refresh() {
    await Promise.all([...this.#consumers.values()].map(async (entry) => {
      entry.figures = await entry.meter.sample();
    }));
    this.#parts.figures.replaceChildren(...this.#figureTexts().map(([label, text]) => figure(label, text)));
    this.#refreshNotice();
  }

  /** Reads the sound's level and shows it. */
  async refreshLevel() {
    const receiver = this.receiver("audio");
    const heard = receiver && !this.#consumers.get("audio").paused;
    const fraction = heard ? meterFraction(await audioLevel(receiver)) : 0;
    this.#parts.meter.hidden = !receiver;
    this.#parts.meter.setAttribute("aria-valuenow", String(Math.round(100 * fraction)));
    this.#parts.level.style.setProperty("--level", `${(100 * fraction).toFixed(1)}%`);
  }

  remove() {
    this.#stream.getTracks().forEach((track) => this.#stream.removeTrack(track));
    this.video.srcObject = null;
    this.element.remove();
  }

  #awaitPicture() {
    this.#hasPicture = false;
    this.video.requestVideoFrameCallback((now) => {
      this.#hasPicture = true;
      this.firstFrameAt ??= now;
      this.#refreshNotice();
    });
  }

  #kindOf(consumerId) {
    return KINDS.find((kind) => this.#consumers.get(kind)?.consumer.id === consumerId);
  }

  #drop(kind) {
    const entry = this.#consumers.get(kind);
    if (!entry) return;
    this.#stream.removeTrack(entry.consumer.receiver.track);
    this.#consumers.delete(kind);
  }

  #showLayers(consumer) {
    const names = LAYER_NAMES[layerCount(consumer)];
    const { layers } = this.#parts;
    layers.hidden = !names;
    if (!names) return;
    layers.replaceChildren(...names.map((name, index) => this.#layerButton(consumer, name, index, layers)));
  }

  #layerButton(consumer, name, index, layers) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    button.value = String(index);
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", async () => {
      for (const other of layers.children) other.setAttribute("aria-pressed", String(other === button));
      try {
        await this.#preferLayer(consumer.id, index);
      } catch {
        button.setAttribute("aria-pressed", "false");
      }
    });
    return button;
  }

  #figureTexts() {
    const { video, audio } = this.figures;
    const texts = [];
    if (video?.width) {
      texts.push(["Resolution", `${video.width}×${video.height}`], ["Frame rate", `${Math.round(video.fps)} fps`]);
    }
    if (video) texts.push(["Video rate", formatBitrate(video.bitrate)]);
    if (audio) texts.push(["Sound rate", `♪ ${formatBitrate(audio.bitrate)}`]);
    const codecs = [video?.codec, audio?.codec].filter(Boolean);
    if (codecs.length > 0) texts.push(["Codecs", codecs.join(" + ")]);
    const loss = Math.max(video?.loss ?? 0, audio?.loss ?? 0);
    if (video || audio) texts.push(["Packet loss", `${(100 * loss).toFixed(1)} % loss`]);
    return texts;
  }

  #refreshNotice() {
    const entry = this.#consumers.get("video");
    let notice = "";
    if (!entry) notice = "No camera";
    else if (entry.paused) notice = "Camera off";
    else if (!this.#hasPicture) notice = "Waiting for a picture…";
    else if (entry.figures?.stalled) notice = "The picture stands still";
    this.#parts.notice.textContent = notice;
    this.#parts.notice.hidden = notice === "";
    const audio = this.#consumers.get("audio");
    this.#parts.silent.hidden = Boolean(audio) && !audio.paused;
  }
}

// The sender's own measure (RFC 6464) is there without a click; the browser measures only what it may play.
async function audioLevel(receiver) {
  const [source] = receiver.getSynchronizationSources();
  if (source?.audioLevel !== undefined) return source.audioLevel;
  const reports = await receiver.getStats();
  return [...reports.values()].find((report) => report.type === "inbound-rtp")?.audioLevel ?? 0;
}

function figure(label, text) {
  const item = document.createElement("li");
  item.title = label;
  item.textContent = text;
  return item;
}
