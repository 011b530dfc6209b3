// Put into the viewer's page before its own scripts: notes when each picture of the first video was received, decoded
// and shown, and the number drawn into it. Times are those of performance.now, in ms.

const BLOCKS = 26; // edgemeet/media/counter.py
const BLOCKS_PER_WIDTH = 80;

window.latency = { pictures: [], connections: [] };

window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(options) {
    super(options);
    window.latency.connections.push(this);
  }
};

/** Begins to note. `delay`, in ms, is what the viewer asks of the jitter buffer; null leaves it to the browser. */
window.latency.watch = async (delay) => {
  const { decodeCounter } = await import("/counter.js");
  const video = document.querySelector("video");
  for (const receiver of receivers()) receiver.jitterBufferTarget = delay;
  const context = new OffscreenCanvas(BLOCKS, 1).getContext("2d", { willReadFrequently: true });
  const note = (now, picture) => {
    // What is drawn may be a newer picture than the one that this is called for; whoever reads the notes finds out.
    const block = picture.width / BLOCKS_PER_WIDTH;
    context.drawImage(video, 0, 0, BLOCKS * block, block, 0, 0, BLOCKS, 1);
    const { data } = context.getImageData(0, 0, BLOCKS, 1);
    window.latency.pictures.push({
      counter: decodeCounter((index) => data[4 * index + 1] > 127),
      timestamp: picture.rtpTimestamp,
      received: picture.receiveTime,
      decoding: picture.processingDuration,
      shown: picture.presentationTime,
      width: picture.width,
    });
    video.requestVideoFrameCallback(note);
  };
  video.requestVideoFrameCallback(note);
};

/** What the browser counts of the video it receives (inbound-rtp of W3C webrtc-stats). */
window.latency.statistics = async () => {
  for (const receiver of receivers()) {
    if (receiver.track.kind !== "video") continue;
    for (const report of (await receiver.getStats()).values()) if (report.type === "inbound-rtp") return report;
  }
  return null;
};

function receivers() {
  return window.latency.connections.flatMap((connection) => connection.getReceivers());
}
