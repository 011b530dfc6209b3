// A participant made of mediasoup-client, the library that VideoSDK's JavaScript SDK receives with. It shows the
// first video it is offered; tests drive it through `window.receiver`.

import { Device } from "mediasoup-client";

import { ProtooConnection } from "../../../edgemeet/sandbox/viewer/protoo.js";

const room = new URLSearchParams(location.search).get("room");
const peerId = "mediasoup-client";
const video = document.getElementById("video");
const device = new Device();
const receiver = { joined: false, consumers: {}, firstFrameAt: null };
window.receiver = receiver;

async function fetchJson(url, options) {
  const response = await fetch(url, options);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response.json();
}

const { token } = await fetchJson(`/get-token?roomId=${room}&participantId=${peerId}`);
const { data } = await fetchJson("/infra/v1/meetings/init-config", {
  method: "POST",
  headers: { Authorization: token },
  body: JSON.stringify({ roomId: room }),
});
const query = new URLSearchParams({ roomId: room, peerId, secret: token, mode: "RECV_ONLY", peerType: "normal" });
let transport;

async function consume({ id, producerId, kind, rtpParameters, appData }) {
  const consumer = await transport.consume({ id, producerId, kind, rtpParameters, appData });
  receiver.consumers[kind] = consumer;
  if (kind !== "video") return;
  video.srcObject = new MediaStream([consumer.track]);
  video.requestVideoFrameCallback(() => {
    receiver.firstFrameAt = Date.now() / 1000;
  });
}

const protoo = await ProtooConnection.open(`${data.signalingUrl}/?${query}`, {
  onRequest: (method, about) => (method === "newConsumer" ? consume(about) : {}),
  onNotification: () => {},
  onClose: () => {},
});

await device.load({ routerRtpCapabilities: await protoo.request("getRouterRtpCapabilities") });
transport = device.createRecvTransport(
  await protoo.request("createWebRtcTransport", { preferredProtocol: "UDP_OVER_TCP", producing: false, consuming: true }),
);
transport.on("connect", ({ dtlsParameters }, done, failed) => {
  protoo.request("connectWebRtcTransport", { transportId: transport.id, dtlsParameters }).then(done, failed);
});
await protoo.request("requestEntry", { name: peerId });
// Newer versions of mediasoup-client name this differently.
const rtpCapabilities = device.recvRtpCapabilities ?? device.rtpCapabilities;
await protoo.request("join", { secret: token, displayName: peerId, rtpCapabilities, mode: "RECV_ONLY" });
receiver.joined = true;

/** Asks for a layer; gives the seconds until its first picture is shown. */
receiver.switchTo = async (spatialLayer, width, timeout) => {
  const began = performance.now();
  const { id } = receiver.consumers.video;
  await protoo.request("setConsumerPreferredLayers", { consumerId: id, spatialLayer, temporalLayer: 0 });
  await new Promise((resolve, reject) => {
    const deadline = setTimeout(() => reject(new Error(`still ${video.videoWidth} wide`)), timeout);
    const look = (now, { width: seen }) => {
      if (seen !== width) return video.requestVideoFrameCallback(look);
      clearTimeout(deadline);
      return resolve();
    };
    video.requestVideoFrameCallback(look);
  });
  return (performance.now() - began) / 1000;
};

receiver.framesDecoded = async () => {
  const reports = await receiver.consumers.video.getStats();
  return [...reports.values()].find((report) => report.type === "inbound-rtp").framesDecoded;
};
