// WHIP (RFC 9725) on VideoSDK's paths: an offer makes a participant that sends, DELETE takes it out.

import { randomUUID } from "node:crypto";

import { createTransport } from "./methods.js";
import { candidatesIn, Offer } from "./offer.js";
import { Refused } from "./refused.js";
import { checkBinding, verify } from "./tokens.js";

export const PATH = "/v2/whip";
const SESSIONS = `${PATH}/sessions/`;
const SDP = "application/sdp";
const FRAGMENT = "application/trickle-ice-sdpfrag";

/** In the place of a websocket: nothing can be said over WHIP but that it is over. */
class NoSocket {
  constructor(onClose) {
    this.close = this.terminate = onClose;
  }

  notify() {}

  async request() {
    return {};
  }
}

/** One WHIP endpoint; `handle(request, url, body)` gives `{status, headers, body}`. */
export class Whip {
  #options;
  #rooms;
  #sessions = new Map();

  constructor(options, rooms) {
    this.#options = options;
    this.#rooms = rooms;
  }

  async handle(request, url, body) {
    const claims = verify(this.#options, this.#token(request.headers.authorization));
    const sessionId = url.pathname.startsWith(SESSIONS) ? url.pathname.slice(SESSIONS.length) : null;
    if (sessionId === null) {
      if (request.method !== "POST") throw new Refused(405, "offers are posted");
      if (request.headers["content-type"] !== SDP) throw new Refused(415, `an offer is ${SDP}`);
      return this.#publish(claims, Object.fromEntries(url.searchParams), body);
    }
    const session = this.#sessions.get(sessionId);
    if (!session) throw new Refused(404, "there is no such session");
    checkBinding(claims, session.room.id, session.peer.id);
    if (request.method === "PATCH") return this.#trickle(session, request.headers, body);
    if (request.method !== "DELETE") throw new Refused(405, "a session is patched or deleted");
    if (url.searchParams.get("participantId") !== session.peer.id) throw new Refused(400, "participantId is wrong");
    session.peer.socket.close();
    return { status: 200, headers: {}, body: "" };
  }

  /** As VideoSDK takes it: bare. Other WHIP clients can say it only as the RFC does. */
  #token(authorization = "") {
    return this.#options.lenientWhip ? authorization.replace(/^Bearer /, "") : authorization;
  }

  async #publish(claims, { roomId, participantId, displayName }, body) {
    const room = this.#rooms.get(roomId);
    if (!room) throw new Refused(4003, "Meeting id is invalid.");
    checkBinding(claims, room.id, participantId);
    const offer = new Offer(body, room.router.rtpCapabilities);
    const sessionId = randomUUID();
    const session = { room, etag: `"${randomUUID()}"` };
    const peer = room.enter(participantId || randomUUID(), "SEND_AND_RECV", () =>
      new NoSocket(() => this.#end(sessionId)),
    );
    this.#sessions.set(sessionId, Object.assign(session, { peer }));
    peer.name = displayName || peer.name;
    peer.device = "whip";
    peer.candidates.offered = candidatesIn(body);
    try {
      const { preferredProtocol, lenientWhip } = this.#options;
      const iceConsentTimeout = lenientWhip ? 0 : undefined;
      const wanted = { producing: true, preferredProtocol, iceConsentTimeout };
      const { transport, parameters } = await createTransport(room, peer, wanted);
      const answer = offer.answer(parameters);
      session.connect = () => transport.connect({ dtlsParameters: offer.dtlsParameters });
      if (!this.#options.connectWhenTold) await session.connect();
      // Consent runs out, or the other side says goodbye in DTLS.
      transport.on("icestatechange", (state) => state === "disconnected" && peer.socket.close());
      transport.on("dtlsstatechange", (state) => state === "closed" && peer.socket.close());
      room.join(peer);
      for (const { kind, rtpParameters } of offer.media) {
        await room.produce(peer, transport, { kind, rtpParameters, appData: {} });
      }
      const headers = { "content-type": SDP, location: sessionId, etag: session.etag, "accept-patch": FRAGMENT };
      if (this.#options.link) headers.link = this.#options.link;
      // The documentation says of Location that it holds the session's id: it is nothing else here.
      return { status: 201, headers, body: answer };
    } catch (error) {
      peer.socket.close();
      throw error;
    }
  }

  async #trickle({ peer, etag, connect }, headers, body) {
    if (headers["content-type"] !== FRAGMENT) throw new Refused(415, `candidates are ${FRAGMENT}`);
    if (!headers["if-match"]) throw new Refused(428, "If-Match is missing");
    if (headers["if-match"] !== etag) throw new Refused(412, "this is about another ICE session");
    // A lite agent learns where packets come from by itself, and answers DTLS as soon as it does. So that it matters
    // whether it was told, it may learn only now whose certificate to expect: until then it drops all media.
    const isFirst = !peer.candidates.trickled.length;
    peer.candidates.trickled.push(...candidatesIn(body));
    if (this.#options.connectWhenTold && isFirst) await connect();
    return { status: 204, headers: {}, body: "" };
  }

  #end(sessionId) {
    const session = this.#sessions.get(sessionId);
    this.#sessions.delete(sessionId);
    if (session) session.room.leave(session.peer);
  }
}
