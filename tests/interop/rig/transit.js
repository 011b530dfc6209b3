// Put into the viewer's page before its own scripts: notes a digest of each H.264 picture that arrives, before it is
// decoded, over its slices alone. The receiving side may rewrite parameter sets and start codes.

window.transit = { pictures: [], failed: null };

const WORKER = `
const START = 3; // bytes of a start code

function* units(data) {
  let begin = -1;
  for (let at = 0; at + 2 < data.length; at += 1) {
    if (data[at] !== 0 || data[at + 1] !== 0 || data[at + 2] !== 1) continue;
    if (begin >= 0) yield data.subarray(begin, data[at - 1] === 0 ? at - 1 : at);
    begin = at + START;
    at += 2;
  }
  if (begin >= 0) yield data.subarray(begin);
}

async function digest(data) {
  const slices = [...units(data)].filter((unit) => [1, 5].includes(unit[0] & 0x1f));
  const whole = await new Blob(slices).arrayBuffer();
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", whole));
  return [...bytes.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

self.onrtctransform = async ({ transformer: { readable, writable } }) => {
  const look = async (picture, controller) => {
    controller.enqueue(picture);
    self.postMessage(await digest(new Uint8Array(picture.data.slice(0))));
  };
  await readable.pipeThrough(new TransformStream({ transform: look })).pipeTo(writable);
};
`;

const worker = new Worker(URL.createObjectURL(new Blob([WORKER], { type: "text/javascript" })));
worker.onmessage = ({ data }) => window.transit.pictures.push(data);
worker.onerror = ({ message }) => {
  window.transit.failed = message;
};

window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(options) {
    super(options);
    this.addEventListener("track", ({ receiver }) => {
      if (receiver.track.kind === "video") receiver.transform = new RTCRtpScriptTransform(worker, {});
    });
  }
};
