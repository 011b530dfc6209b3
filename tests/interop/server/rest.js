// HTTP: tokens, the rooms API, init-config, WHIP, faults, status, and the files of a page.

import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";

import { FAULTS } from "./faults.js";
import { Refused } from "./refused.js";
import { checkBinding, sign, verify } from "./tokens.js";
import { PATH as WHIP, Whip } from "./whip.js";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css" };
const MAX_BODY = 64 * 1024;

async function readText(request) {
  let text = "";
  for await (const chunk of request) {
    text += chunk;
    if (text.length > MAX_BODY) throw new Refused(413, "the body is too long");
  }
  return text;
}

async function readJson(request) {
  const text = await readText(request);
  return text ? JSON.parse(text) : {};
}

const roomJson = (id) => ({ roomId: id, id, disabled: false });

/** The HTTP side of a server with these options and this map of rooms. */
export function createHandler(options, rooms) {
  const whip = new Whip(options, rooms);
  const authorised = (request) => verify(options, request.headers.authorization);

  function existing(id) {
    const room = rooms.get(id);
    if (!room) throw new Refused(4003, "Meeting id is invalid.");
    return room;
  }

  function initConfig(request, { roomId }) {
    checkBinding(authorised(request), existing(roomId).id);
    const { host } = request.headers;
    const isSecure = request.headers["x-forwarded-proto"] === "https";
    const silent = { enabled: false, endPoint: `http://${host}/telemetry` };
    return {
      data: {
        baseUrl: host,
        signalingUrl: `${isSecure ? "wss" : "ws"}://${host}`,
        iceServers: options.iceServers,
        observability: { jwt: "", traces: silent, logs: silent, metaData: {} },
      },
    };
  }

  async function fault(name, data) {
    if (!FAULTS[name]) throw new Refused(404, `there is no fault ${name}`);
    return { done: true, result: (await FAULTS[name](rooms, data)) ?? null };
  }

  async function status() {
    const seen = {};
    for (const room of rooms.values()) {
      seen[room.id] = await Promise.all([...room.peers.values()].map((peer) => peer.status()));
    }
    return { rooms: seen };
  }

  async function answer(request, url) {
    const [first, ...rest] = url.pathname.slice(1).split("/");
    const route = `${request.method} ${url.pathname}`;
    if (route === "GET /get-token") {
      const { participantId, roomId, permissions } = Object.fromEntries(url.searchParams);
      return { token: sign(options, { participantId, roomId, ...(permissions && { permissions: permissions.split(",") }) }) };
    }
    if (route.startsWith("GET /v2/rooms/validate/")) {
      authorised(request);
      return roomJson(existing(rest.at(-1)).id);
    }
    if (route === "GET /status") return status();
    if (request.method === "POST" && first === "fault") return fault(rest[0], await readJson(request));
    if (route === "POST /infra/v1/meetings/server-init-config" || route === "POST /infra/v1/meetings/init-config") {
      return initConfig(request, await readJson(request));
    }
    throw new Refused(404, `nothing is at ${url.pathname}`);
  }

  async function sendFile(response, path) {
    const name = path === "/" ? "index.html" : normalize(path).replace(/^\/(viewer\/)?/, "");
    const body = await readFile(join(options.pages, name));
    response.writeHead(200, { "content-type": TYPES[extname(name)] ?? "application/octet-stream" }).end(body);
  }

  return async (request, response) => {
    const url = new URL(request.url, "http://server");
    try {
      if (request.method === "GET" && (url.pathname === "/" || /\.(html|js|css)$/.test(url.pathname))) {
        await sendFile(response, url.pathname);
        return;
      }
      if (url.pathname === WHIP || url.pathname.startsWith(`${WHIP}/`)) {
        const { status, headers, body } = await whip.handle(request, url, await readText(request));
        response.writeHead(status, headers).end(body);
        return;
      }
      const body = await answer(request, url);
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
    } catch (error) {
      const code = Number.isInteger(error.code) ? error.code : 500;
      const status = code < 1000 ? code : 400; // the vendor answers 400 with a code of its own
      const body = JSON.stringify({ error: error.message, code });
      response.writeHead(status, { "content-type": "application/json" }).end(body);
    }
  };
}
