// What a receiver gets, as numbers for people: rates over the last seconds instead of sums since the start.

const LOSS_WINDOW_MS = 5_000;
const STALL_MS = 3_000;

/** Keeps the figures of one RTCRtpReceiver. Call `sample` about once a second. */
export class ReceiverMeter {
  #receiver;
  #clock;
  #history = [];
  #lastMoved;

  constructor(receiver, clock = () => performance.now()) {
    this.#receiver = receiver;
    this.#clock = clock;
    this.#lastMoved = clock();
  }

  /**
   * `{codec, width, height, fps, bitrate, loss, framesDecoded, stalled}`: bits per second, loss as a fraction
   * of the last five seconds' packets. Null when nothing has come yet.
   */
  async sample() {
    const reports = await this.#receiver.getStats();
    const inbound = [...reports.values()].find((report) => report.type === "inbound-rtp");
    const now = this.#clock();
    if (!inbound) return null;
    const rates = this.#rates(inbound, now);
    return {
      codec: codecName(reports.get(inbound.codecId)?.mimeType),
      width: inbound.frameWidth ?? 0,
      height: inbound.frameHeight ?? 0,
      fps: inbound.framesPerSecond ?? 0,
      framesDecoded: inbound.framesDecoded ?? 0,
      stalled: now - this.#lastMoved > STALL_MS,
      ...rates,
    };
  }

  #rates(inbound, now) {
    const entry = {
      at: inbound.timestamp,
      bytes: inbound.bytesReceived ?? 0,
      received: inbound.packetsReceived ?? 0,
      lost: inbound.packetsLost ?? 0,
      decoded: inbound.framesDecoded ?? inbound.totalSamplesReceived ?? 0,
    };
    const previous = this.#history.at(-1);
    if (previous && entry.bytes < previous.bytes) this.#history = []; // another consumer took the m-line over
    if (!previous || entry.decoded !== previous.decoded) this.#lastMoved = now;
    this.#history.push(entry);
    while (entry.at - this.#history[0].at > LOSS_WINDOW_MS) this.#history.shift();
    const first = this.#history[0];
    const before = this.#history.at(-2) ?? entry;
    const seconds = (entry.at - before.at) / 1000;
    const lost = Math.max(0, entry.lost - first.lost);
    const expected = lost + entry.received - first.received;
    return {
      bitrate: seconds > 0 ? (8 * (entry.bytes - before.bytes)) / seconds : 0,
      loss: expected > 0 ? lost / expected : 0,
    };
  }
}

function codecName(mimeType) {
  const name = mimeType?.split("/")[1] ?? "";
  return { H264: "H.264", opus: "Opus" }[name] ?? name;
}

/** 1234567 → "1.23 Mb/s", 45600 → "46 kb/s". */
export function formatBitrate(bitsPerSecond) {
  if (bitsPerSecond >= 999_500) return `${(bitsPerSecond / 1e6).toFixed(2)} Mb/s`;
  return `${Math.round(bitsPerSecond / 1000)} kb/s`;
}

/** A linear level as a share of the meter: -60 dB and less is 0, 0 dB is 1. */
export function meterFraction(level) {
  if (!(level > 0)) return 0;
  return Math.min(1, Math.max(0, 1 + (20 * Math.log10(level)) / 60));
}
