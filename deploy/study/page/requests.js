// What the page asks the server for. A server that does not answer is asked again until it does.

const LONGEST_WAIT = 4000; // ms

/** The server understood and refused. */
export class Refused extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/**
 * Makes the function that asks and gives the content of the answer, a Blob.
 *
 * `token()` gives the participant's token, `onLost(bool)` is told of a server that is lost or back.
 */
export function requester(token, onLost) {
  return async function ask(path, body) {
    const headers = { Authorization: `Bearer ${token()}` };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const request = { headers, method: body === undefined ? "GET" : "POST", body: body && JSON.stringify(body) };
    for (let wait = 500; ; wait = Math.min(2 * wait, LONGEST_WAIT)) {
      const response = await exchange(path, request).catch(() => null);
      if (response && response.status < 500 && response.status !== 429) {
        onLost(false);
        if (response.ok) return response.content;
        const problem = await response.content.text().then(JSON.parse).catch(() => ({}));
        throw new Refused(response.status, problem.detail || `The server answered with ${response.status}.`);
      }
      onLost(true);
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  };
}

/** Asks once; the content is part of it, since a connection can break in the middle of a picture. */
async function exchange(path, request) {
  const response = await fetch(path, request);
  return { status: response.status, ok: response.ok, content: await response.blob() };
}
