// ORTC parameters to SDP. Browsers take a remote side as SDP only, mediasoup describes itself in ORTC.
// The functions here are pure; the order of the lines follows RFC 8829 (JSEP), section 5.2.

/**
 * The server as an SDP offer.
 *
 * `transport` is the answer to createWebRtcTransport. `sections` are the m-lines in their order, each
 * `{mid, kind, active, rtpParameters, streamId, trackId}`. A section is never taken away, only made
 * inactive, and may be given to another consumer of the same kind later. `version` must grow with each offer.
 */
export function buildOffer(transport, sections, version) {
  const lines = [
    "v=0",
    `o=edgemeet 1 ${version} IN IP4 0.0.0.0`,
    "s=-",
    "t=0 0",
    `a=group:BUNDLE ${sections.map((section) => section.mid).join(" ")}`,
    "a=msid-semantic: WMS *",
  ];
  if (transport.iceParameters.iceLite) lines.push("a=ice-lite");
  for (const section of sections) lines.push(...mediaLines(transport, section));
  return `${lines.join("\r\n")}\r\n`;
}

function mediaLines(transport, section) {
  const { kind, mid, active, rtpParameters } = section;
  const payloadTypes = rtpParameters.codecs.map((codec) => codec.payloadType).join(" ");
  return [
    `m=${kind} 9 UDP/TLS/RTP/SAVPF ${payloadTypes}`,
    "c=IN IP4 0.0.0.0",
    "a=rtcp:9 IN IP4 0.0.0.0",
    ...transportLines(transport),
    `a=mid:${mid}`,
    // The extension that carries the mid is left out on purpose: packets are told apart by the SSRCs below,
    // so that the server's numbering of mids and this page's need not agree.
    ...(rtpParameters.headerExtensions ?? [])
      .filter((extension) => !extension.uri.endsWith(":sdes:mid"))
      .map((extension) => `a=extmap:${extension.id} ${extension.uri}`),
    active ? "a=sendonly" : "a=inactive",
    ...(active ? [`a=msid:${section.streamId} ${section.trackId}`] : []),
    "a=rtcp-mux",
    "a=rtcp-rsize",
    ...rtpParameters.codecs.flatMap(codecLines),
    ...(active ? sourceLines(section) : []),
  ];
}

function transportLines({ iceParameters, iceCandidates, dtlsParameters }) {
  const setup = { auto: "actpass", client: "active", server: "passive" }[dtlsParameters.role ?? "auto"];
  return [
    `a=ice-ufrag:${iceParameters.usernameFragment}`,
    `a=ice-pwd:${iceParameters.password}`,
    ...dtlsParameters.fingerprints.map(({ algorithm, value }) => `a=fingerprint:${algorithm} ${value}`),
    `a=setup:${setup}`,
    ...iceCandidates.map(candidateLine),
    "a=end-of-candidates",
  ];
}

function candidateLine({ foundation, priority, address, ip, protocol, port, type, tcpType }) {
  const tail = tcpType ? ` tcptype ${tcpType}` : "";
  return `a=candidate:${foundation} 1 ${protocol} ${priority} ${address || ip} ${port} typ ${type ?? "host"}${tail}`;
}

function codecLines({ mimeType, payloadType, clockRate, channels, parameters, rtcpFeedback }) {
  const name = mimeType.split("/")[1];
  const lines = [`a=rtpmap:${payloadType} ${name}/${clockRate}${channels > 1 ? `/${channels}` : ""}`];
  for (const { type, parameter } of rtcpFeedback ?? []) {
    lines.push(`a=rtcp-fb:${payloadType} ${type}${parameter ? ` ${parameter}` : ""}`);
  }
  const format = Object.entries(parameters ?? {}).filter(([, value]) => value !== null && value !== undefined);
  if (format.length > 0) {
    lines.push(`a=fmtp:${payloadType} ${format.map(([key, value]) => `${key}=${value}`).join(";")}`);
  }
  return lines;
}

function sourceLines({ rtpParameters, streamId, trackId }) {
  const encoding = rtpParameters.encodings[0]; // a consumer has one, whatever its producer has
  const sources = [encoding.ssrc];
  const lines = [];
  if (encoding.rtx?.ssrc) {
    sources.push(encoding.rtx.ssrc);
    lines.push(`a=ssrc-group:FID ${encoding.ssrc} ${encoding.rtx.ssrc}`);
  }
  for (const ssrc of sources) {
    lines.push(`a=ssrc:${ssrc} cname:${rtpParameters.rtcp?.cname || streamId}`);
    lines.push(`a=ssrc:${ssrc} msid:${streamId} ${trackId}`);
  }
  return lines;
}

/** This browser's DTLS role and certificate digests, read from its answer: `{role, fingerprints}`. */
export function dtlsParametersOf(answer) {
  const setup = /^a=setup:(\S+)/m.exec(answer)?.[1];
  const seen = new Map();
  for (const [, algorithm, value] of answer.matchAll(/^a=fingerprint:(\S+) (\S+)/gm)) {
    seen.set(value, { algorithm: algorithm.toLowerCase(), value });
  }
  return { role: setup === "passive" ? "server" : "client", fingerprints: [...seen.values()] };
}
