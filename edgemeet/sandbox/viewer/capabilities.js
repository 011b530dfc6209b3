// Which of the router's codecs and header extensions this browser can receive.

const WANTED = new Set(["audio/opus", "video/vp8", "video/h264"]);
// Layers are the server's business, and mids are not used to tell packets apart (see sdp.js).
const UNWANTED_EXTENSION = /:sdes:(mid|rtp-stream-id|repaired-rtp-stream-id)$/;

/**
 * The `rtpCapabilities` for the join: the router's own entries (same payload types and extension ids) that
 * `receivable(kind)`, by default this browser, can decode.
 */
export function receiveCapabilities(router, receivable = RTCRtpReceiver.getCapabilities) {
  const local = { audio: receivable("audio"), video: receivable("video") };
  const media = router.codecs.filter((codec) => isReceivable(codec, local[codec.kind]));
  const payloadTypes = new Set(media.map((codec) => codec.preferredPayloadType));
  const codecs = router.codecs.filter(
    (codec) => media.includes(codec) || (isRtx(codec) && payloadTypes.has(codec.parameters?.apt)),
  );
  const headerExtensions = (router.headerExtensions ?? []).filter(
    ({ kind, uri }) =>
      !UNWANTED_EXTENSION.test(uri) &&
      local[kind ?? "video"]?.headerExtensions.some((extension) => extension.uri === uri),
  );
  return { codecs, headerExtensions };
}

const isRtx = (codec) => codec.mimeType.toLowerCase().endsWith("/rtx");

function isReceivable(codec, local) {
  const mimeType = codec.mimeType.toLowerCase();
  if (!local || !WANTED.has(mimeType)) return false;
  return local.codecs.some(
    (candidate) => candidate.mimeType.toLowerCase() === mimeType && sameH264(codec, candidate, mimeType),
  );
}

// H.264: baseline in any spelling (42e01f, 42001f) and packetization-mode 1 is what is sent here.
function sameH264(codec, candidate, mimeType) {
  if (mimeType !== "video/h264") return true;
  const mode = String(codec.parameters?.["packetization-mode"] ?? 0);
  const profile = String(codec.parameters?.["profile-level-id"] ?? "42e01f").toLowerCase();
  const line = (candidate.sdpFmtpLine ?? "").toLowerCase();
  return (
    profile.startsWith("42") && line.includes("profile-level-id=42") && line.includes(`packetization-mode=${mode}`)
  );
}
