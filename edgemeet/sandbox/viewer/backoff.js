// How long to wait before the next visit, and what cuts the wait short.

/** The waits in ms: 250, 500, 1000, then 2000 for ever, each off by up to a fifth. */
export function* backoff(random = Math.random) {
  for (let wait = 250; ; wait = Math.min(2 * wait, 2000)) yield wait * (0.8 + 0.4 * random());
}

/** Resolves after `milliseconds`, or sooner when the machine comes online or the page becomes visible. */
export function pause(milliseconds) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      window.removeEventListener("online", done);
      document.removeEventListener("visibilitychange", shown);
      resolve();
    };
    const shown = () => document.visibilityState === "visible" && done();
    const timer = setTimeout(done, milliseconds);
    window.addEventListener("online", done);
    document.addEventListener("visibilitychange", shown);
  });
}
