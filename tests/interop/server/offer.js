// SDP offers and their answers, with the classes that mediasoup-client has for the other end of each.

import ortc from "mediasoup-client/ortc";
import common from "mediasoup-client/handlers/sdp/commonUtils";
import remote from "mediasoup-client/handlers/sdp/RemoteSdp";
import unifiedPlan from "mediasoup-client/handlers/sdp/unifiedPlanUtils";
import * as sdp from "sdp-transform";

import { Refused } from "./refused.js";

const { RemoteSdp } = remote;

/** The names of the streams in a section with simulcast, as its offer orders them; empty where there is one. */
function rids({ simulcast }) {
  if (!simulcast) return [];
  return sdp.parseSimulcastStreamList(simulcast.list1).map(([first]) => first.scid);
}

function parse(text) {
  const offer = sdp.parse(text);
  if (!text.startsWith("v=0") || !offer.media.length) throw new Refused(400, "the offer is no session description");
  return offer;
}

/** What both a section of an offer and the router know. */
function extendedCapabilities(section, routerRtpCapabilities) {
  // One section at a time: in a bundle both kinds may use one number for an extension.
  const offered = common.extractRtpCapabilities({ sdpObject: { media: [section] } });
  const router = structuredClone(routerRtpCapabilities);
  ortc.validateAndNormalizeRtpCapabilities(offered);
  ortc.validateAndNormalizeRtpCapabilities(router);
  return ortc.getExtendedRtpCapabilities(offered, router, true);
}

/** An offer to send. */
export class Offer {
  #offer;
  #sections;

  constructor(text, routerRtpCapabilities) {
    this.#offer = parse(text);
    this.#sections = this.#offer.media.map((section) => {
      const extended = extendedCapabilities(section, routerRtpCapabilities);
      if (!extended.codecs.length) throw new Refused(400, `none of the ${section.type} codecs is known`);
      return { section, extended };
    });
  }

  /** What the transport is connected with. */
  get dtlsParameters() {
    return { ...common.extractDtlsParameters({ sdpObject: this.#offer }), role: "client" };
  }

  /** Of each section the kind, and the parameters to produce with. */
  get media() {
    return this.#sections.map(({ section, extended }) => ({
      kind: section.type,
      rtpParameters: this.#sending(section, extended),
    }));
  }

  /** The answer that takes all of it, over this transport. */
  answer({ iceParameters, iceCandidates, dtlsParameters }) {
    const answer = new RemoteSdp({ iceParameters, iceCandidates, dtlsParameters });
    answer.updateDtlsRole("server");
    for (const { section, extended } of this.#sections) {
      const answerRtpParameters = ortc.getSendingRemoteRtpParameters(section.type, extended);
      answerRtpParameters.codecs = ortc.reduceCodecs(answerRtpParameters.codecs);
      const offerRtpParameters = this.#sending(section, extended);
      answer.send({ offerMediaObject: section, offerRtpParameters, answerRtpParameters });
    }
    return answer.getSdp();
  }

  #sending(section, extended) {
    const parameters = ortc.getSendingRtpParameters(section.type, extended);
    const codecs = ortc.reduceCodecs(parameters.codecs);
    const names = rids(section);
    const encodings = names.length
      ? names.map((rid) => ({ rid }))
      : unifiedPlan.getRtpEncodings({ offerMediaObject: section, codecs });
    const cname = common.getCname({ offerMediaObject: section }) || undefined;
    return { ...parameters, mid: String(section.mid), codecs, encodings, rtcp: { cname } };
  }
}

/** The candidates of an offer or of a trickle-ice-sdpfrag: `{type, ip, port}`. */
export function candidatesIn(text) {
  const candidates = sdp.parse(text).media.flatMap((section) => section.candidates ?? []);
  return candidates.map(({ type, ip, port }) => ({ type, ip, port }));
}
