// The protoo dialogue over a WebSocket: requests both ways, their responses, notifications.

const REQUEST_TIMEOUT_MS = 15_000;

/** The other side answered a request with an error. */
export class RequestRefused extends Error {
  constructor(method, code, reason) {
    super(`${method} was refused: ${reason || "no reason given"} (${code})`);
    this.name = "RequestRefused";
    this.code = code;
  }
}

/** One protoo connection. It is used once: after `onClose` a new one is needed. */
export class ProtooConnection {
  #socket;
  #handlers;
  #pending = new Map();
  #closed = false;

  /**
   * Opens a connection, or rejects when the socket does not open within `timeout` ms.
   *
   * `handlers.onRequest(method, data)` returns (a promise of) the response's data; what it throws becomes
   * an error response with the thrown object's `code`, or 500. `handlers.onNotification(method, data)` and
   * `handlers.onClose({code, reason})` return nothing; the latter is called once.
   */
  static open(url, handlers, timeout = REQUEST_TIMEOUT_MS) {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url, "protoo");
      const deadline = setTimeout(() => socket.close(), timeout);
      const refused = () => {
        clearTimeout(deadline);
        reject(new Error("The room's WebSocket did not open."));
      };
      socket.onclose = refused;
      socket.onopen = () => {
        clearTimeout(deadline);
        resolve(new ProtooConnection(socket, handlers));
      };
    });
  }

  constructor(socket, handlers) {
    this.#socket = socket;
    this.#handlers = handlers;
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = (event) => this.#ended(event.code, event.reason);
  }

  /** Sends a request and gives the response's data; rejects with RequestRefused, or when nothing comes. */
  request(method, data = {}, timeout = REQUEST_TIMEOUT_MS) {
    if (this.#closed) return Promise.reject(new Error(`${method}: the connection is closed.`));
    const id = Math.floor(Math.random() * 4_294_967_296);
    return new Promise((resolve, reject) => {
      const deadline = setTimeout(() => {
        this.#pending.delete(id);
        reject(new Error(`${method} was not answered within ${timeout / 1000} s.`));
      }, timeout);
      this.#pending.set(id, { method, resolve, reject, deadline });
      this.#send({ request: true, id, method, data });
    });
  }

  /** Closes the socket; `onClose` follows. */
  close() {
    this.#socket.close(1000);
    this.#ended(1000, "closed by this page");
  }

  #send(message) {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #receive(text) {
    if (this.#closed) return;
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return; // not protoo; a later deadline will notice if it mattered
    }
    if (message.request) this.#answer(message);
    else if (message.response) this.#settle(message);
    else if (message.notification) this.#handlers.onNotification(message.method, message.data ?? {});
  }

  async #answer({ id, method, data }) {
    try {
      const result = await this.#handlers.onRequest(method, data ?? {});
      this.#send({ response: true, id, ok: true, data: result ?? {} });
    } catch (error) {
      const errorCode = Number.isInteger(error.code) ? error.code : 500;
      this.#send({ response: true, id, ok: false, errorCode, errorReason: error.message });
    }
  }

  #settle({ id, ok, data, errorCode, errorReason }) {
    const waiting = this.#pending.get(id);
    if (!waiting) return;
    this.#pending.delete(id);
    clearTimeout(waiting.deadline);
    if (ok) waiting.resolve(data ?? {});
    else waiting.reject(new RequestRefused(waiting.method, errorCode, errorReason));
  }

  #ended(code, reason) {
    if (this.#closed) return;
    this.#closed = true;
    for (const { method, reject, deadline } of this.#pending.values()) {
      clearTimeout(deadline);
      reject(new Error(`${method}: the connection closed before the answer.`));
    }
    this.#pending.clear();
    this.#handlers.onClose({ code, reason });
  }
}
