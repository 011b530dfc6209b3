// A participant made of mediasoup-client that publishes the browser's camera and receives nothing, for comparison:
//   publish.html?room=...&codec=video/VP8&bitrate=1500000

import { Device } from "mediasoup-client";

import { ProtooConnection } from "../../../edgemeet/sandbox/viewer/protoo.js";

const query = Object.fromEntries(new URLSearchParams(location.search));
const peerId = "chromium";
const publisher = { producing: false };
window.publisher = publisher;

async function fetchJson(url, options) {
  const response = await fetch(url, options);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response.json();
}

const { token } = await fetchJson(`/get-token?roomId=${query.room}&participantId=${peerId}`);
const { data } = await fetchJson("/infra/v1/meetings/init-config", {
  method: "POST",
  headers: { Authorization: token },
  body: JSON.stringify({ roomId: query.room }),
});
const address = new URLSearchParams({
  roomId: query.room,
  peerId,
  secret: token,
  mode: "SEND_AND_RECV",
  peerType: "normal",
});
const protoo = await ProtooConnection.open(`${data.signalingUrl}/?${address}`, {
  onRequest: () => ({}),
  onNotification: () => {},
  onClose: () => {},
});
const device = new Device();
await device.load({ routerRtpCapabilities: await protoo.request("getRouterRtpCapabilities") });
const transport = device.createSendTransport(
  await protoo.request("createWebRtcTransport", { preferredProtocol: "UDP_ONLY", producing: true, consuming: false }),
);
transport.on("connect", ({ dtlsParameters }, done, failed) => {
  protoo.request("connectWebRtcTransport", { transportId: transport.id, dtlsParameters }).then(done, failed);
});
transport.on("produce", ({ kind, rtpParameters, appData }, done, failed) => {
  protoo.request("produce", { transportId: transport.id, kind, rtpParameters, appData }).then(done, failed);
});
await protoo.request("requestEntry", { name: peerId });
const { recvRtpCapabilities, rtpCapabilities } = device;
await protoo.request("join", {
  secret: token,
  displayName: peerId,
  rtpCapabilities: recvRtpCapabilities ?? rtpCapabilities,
  mode: "SEND_AND_RECV",
});

const camera = await navigator.mediaDevices.getUserMedia({ video: { width: 1280, height: 720, frameRate: 30 } });
const [track] = camera.getVideoTracks();
const { codecs } = device.sendRtpCapabilities ?? device.rtpCapabilities;
// Of H.264 the profile that the viewer takes, and devices send: baseline.
const wanted = ({ mimeType, parameters }) =>
  mimeType.toLowerCase() === query.codec.toLowerCase() && (parameters?.["profile-level-id"] ?? "42").startsWith("42");
const codec = codecs.find(wanted);
if (!codec) throw new Error(`no ${query.codec} among ${codecs.map(({ mimeType }) => mimeType)}`);
const producer = await transport.produce({
  track,
  codec,
  encodings: [{ maxBitrate: Number(query.bitrate) }],
  // Without it Chromium takes half a minute to reach its rate.
  codecOptions: { videoGoogleStartBitrate: Number(query.bitrate) / 1000 },
});
// Left to itself it sends fewer pixels when these are hard to encode, and could not be compared.
const parameters = producer.rtpSender.getParameters();
await producer.rtpSender.setParameters({ ...parameters, degradationPreference: "maintain-resolution" });
publisher.producing = true;
