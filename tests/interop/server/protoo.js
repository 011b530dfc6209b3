// One participant's websocket: protoo's JSON frames over plain `ws`.

const REQUEST_TIMEOUT_MS = 15_000;

export class ProtooSocket {
  #socket;
  #pending = new Map();
  #nextId = 1;

  /** `onRequest(method, data)` gives (a promise of) the answer's data; what it throws is the refusal. */
  constructor(socket, { onRequest, onClose }) {
    this.#socket = socket;
    socket.on("message", (text) => this.#receive(text, onRequest));
    socket.on("close", () => {
      for (const { reject } of this.#pending.values()) reject(new Error("gone"));
      this.#pending.clear();
      onClose();
    });
  }

  notify(method, data) {
    this.#send({ notification: true, method, data });
  }

  /** Resolves with the answer's data; rejects with an Error that has the refusal's `code`. */
  request(method, data) {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const deadline = setTimeout(() => this.#settle({ id, errorCode: 408, errorReason: "no answer" }), REQUEST_TIMEOUT_MS);
      const done = (settle) => (value) => {
        clearTimeout(deadline);
        settle(value);
      };
      this.#pending.set(id, { resolve: done(resolve), reject: done(reject) });
      this.#send({ request: true, id, method, data });
    });
  }

  close(code = 4000) {
    this.#socket.close(code);
  }

  /** As a crashed server looks: no close frame. */
  terminate() {
    this.#socket.terminate();
  }

  #send(message) {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  async #receive(text, onRequest) {
    const message = JSON.parse(text);
    if (message.response) {
      this.#settle(message);
    } else if (message.request) {
      try {
        const data = (await onRequest(message.method, message.data ?? {})) ?? {};
        this.#send({ response: true, id: message.id, ok: true, data });
      } catch (error) {
        console.error(`refused ${message.method}: ${error.message}`);
        const errorCode = Number.isInteger(error.code) ? error.code : 500;
        this.#send({ response: true, id: message.id, ok: false, errorCode, errorReason: String(error.message) });
      }
    }
  }

  #settle({ id, ok, data, errorCode, errorReason }) {
    const waiting = this.#pending.get(id);
    if (!waiting) return;
    this.#pending.delete(id);
    if (ok) waiting.resolve(data ?? {});
    else waiting.reject(Object.assign(new Error(errorReason ?? "refused"), { code: errorCode ?? 500 }));
  }
}
