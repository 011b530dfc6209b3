// VideoSDK's tokens: HS256 JWTs. Signing and checking are done by hand so that nothing here shares code
// with what is tested.

import { createHmac, timingSafeEqual } from "node:crypto";

import { Refused } from "./refused.js";

const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const signature = (text, secret) => createHmac("sha256", secret).update(text).digest("base64url");

export function sign({ apiKey, apiSecret }, claims = {}) {
  const now = Math.floor(Date.now() / 1000);
  const payload = { apikey: apiKey, permissions: ["allow_join"], version: 2, iat: now, exp: now + 600, ...claims };
  const text = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(payload)}`;
  return `${text}.${signature(text, apiSecret)}`;
}

/** The claims of a good token; throws Refused with the vendor's code otherwise. */
export function verify({ apiKey, apiSecret }, token) {
  const [header, payload, given = ""] = String(token ?? "").split(".");
  const wanted = signature(`${header}.${payload}`, apiSecret);
  const isEqual = given.length === wanted.length && timingSafeEqual(Buffer.from(given), Buffer.from(wanted));
  if (!isEqual) throw new Refused(4002, "Token is invalid or expired.");
  const claims = JSON.parse(Buffer.from(payload, "base64url").toString());
  if (!(claims.exp > Date.now() / 1000)) throw new Refused(4002, "Token is invalid or expired.");
  if (claims.apikey !== apiKey) throw new Refused(4001, "API key is invalid.");
  return claims;
}

/** Throws Refused when the claims do not belong to this meeting and participant. */
export function checkBinding(claims, roomId, peerId) {
  if (claims.roomId && claims.roomId !== roomId) throw new Refused(4022, "Token is not meant for this meeting.");
  if (peerId && claims.participantId && claims.participantId !== peerId) {
    throw new Refused(4023, "Token is not meant for this participant.");
  }
}
