// Starts the page: which meeting, then stays in it.

import { Page } from "./page.js";
import { Probe } from "./probe.js";

const byId = (id) => document.getElementById(id);

/** The meeting in the address, or the sandbox's only one, or null: then the person at the page says it. */
async function chosenMeeting() {
  const asked = new URLSearchParams(window.location.search).get("room")?.trim();
  if (asked) return asked;
  try {
    const response = await fetch("sandbox/status", { signal: AbortSignal.timeout(3000) });
    const { rooms } = await response.json();
    return rooms.length === 1 ? rooms[0].id : null;
  } catch {
    return null; // that door may be shut
  }
}

const meetingId = await chosenMeeting();
if (meetingId === null) {
  byId("choose").hidden = false;
  byId("sound").hidden = true;
  byId("state").hidden = true;
  byId("room-input").focus();
} else {
  document.title = `${meetingId} · edgemeet sandbox`;
  byId("room").textContent = meetingId;
  byId("rejoin").addEventListener("click", () => window.location.reload());
  const page = new Page(meetingId, {
    stateLine: byId("state"),
    stateText: byId("state-text"),
    problemText: byId("problem"),
    rejoin: byId("rejoin"),
    sound: byId("sound"),
    soundLabel: byId("sound-label"),
    count: byId("count"),
    empty: byId("empty"),
    tiles: byId("tiles"),
  });
  window.edgemeet = new Probe(page);
  page.run();
}
