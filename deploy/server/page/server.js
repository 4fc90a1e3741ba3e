// What the page asks the server for, and what can come of it.

/** The server understood and refused; `message` says why. */
export class Refused extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/** There is no answer now, but there may be one later; `busy` tells a full or failing server from a lost one. */
export class Unavailable extends Error {
  constructor(busy, detail, seconds = null) {
    super(detail);
    this.busy = busy;
    this.seconds = seconds;
  }
}

const TOKEN = "server token";

/** The server's API. */
export class Server {
  #askForToken;
  #asking = null;

  /** @param {(refused: boolean) => Promise<string>} askForToken asks the person at the page. */
  constructor(askForToken) {
    this.#askForToken = askForToken;
  }

  /** Asks for a JSON document. */
  async json(path, options) {
    return read(await this.#exchange(path, options), "json");
  }

  /** Asks for a file. @returns {Promise<Blob>} */
  async blob(path, options) {
    return read(await this.#exchange(path, options), "blob");
  }

  /** Sends a JSON document; gives what the answer holds. */
  post(path, document, { signal, as = "json" } = {}) {
    const body = JSON.stringify(document);
    return this[as](path, { method: "POST", headers: { "Content-Type": "application/json" }, body, signal });
  }

  /** Sends a form; gives the document of the answer. @param {Object<string, Blob|string|null>} fields */
  send(path, fields, { signal } = {}) {
    const body = new FormData();
    for (const [name, value] of Object.entries(fields)) if (value !== null && value !== undefined) body.append(name, value);
    return this.json(path, { method: "POST", body, signal });
  }

  async #exchange(path, options = {}) {
    for (let refused = false; ; refused = true) {
      const token = sessionStorage.getItem(TOKEN);
      const headers = { ...options.headers, ...(token && { Authorization: `Bearer ${token}` }) };
      const response = await fetch(path, { ...options, headers }).catch((error) => {
        throw error.name === "AbortError" ? error : new Unavailable(false, "The server does not answer.");
      });
      if (response.ok) return response;
      const detail = await problemOf(response);
      if (response.status === 401) {
        if (sessionStorage.getItem(TOKEN) === token) await this.#renewToken(refused || token !== null);
      } else if (response.status >= 500 || response.status === 429) {
        throw new Unavailable(true, detail, Number(response.headers.get("Retry-After")) || null);
      } else {
        throw new Refused(response.status, detail);
      }
    }
  }

  async #renewToken(refused) {
    this.#asking ??= this.#askForToken(refused).finally(() => (this.#asking = null));
    sessionStorage.setItem(TOKEN, await this.#asking);
  }
}

/** A connection can break in the middle of an answer too. */
async function read(response, as) {
  try {
    return await response[as]();
  } catch (error) {
    throw error.name === "AbortError" ? error : new Unavailable(false, "The server's answer broke off.");
  }
}

async function problemOf(response) {
  const problem = await response.json().catch(() => ({}));
  return problem.detail || `The server answered with ${response.status}.`;
}
