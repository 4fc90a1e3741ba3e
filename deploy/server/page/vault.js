// Projects kept in this browser (IndexedDB): a record each, and its steps, so that a long history costs no memory.

const DATABASE = "scene editor";
const KEPT = 24; // projects

/** Keeps projects; without a database, as in some private windows, it keeps nothing and says so by `lasting`. */
export class Vault {
  /** @returns {Promise<Vault>} */
  static async open() {
    return new Vault(await openDatabase().catch(() => null));
  }

  constructor(database) {
    this.database = database;
    this.lasting = database !== null;
  }

  /**
   * Writes a project's record and some of its steps, all or nothing.
   *
   * @param {object} project with `id`.
   * @param {object[]} steps to be written, each with `serial`.
   * @param {number[]} dropped serials of steps to be deleted.
   */
  async write(project, steps = [], dropped = []) {
    await this.#transact((stores) => {
      stores.projects.put({ ...project, updated: Date.now() });
      for (const step of steps) stores.steps.put({ ...step, project: project.id });
      for (const serial of dropped) stores.steps.delete([project.id, serial]);
    });
  }

  /** @returns {Promise<{project: object, steps: object[]}|null>} steps in their order. */
  async read(id) {
    if (!this.lasting) return null;
    return this.#transact(async (stores) => {
      const [project, steps] = await Promise.all([done(stores.projects.get(id)), done(stores.steps.getAll(rangeOf(id)))]);
      return project ? { project, steps } : null;
    }, "readonly");
  }

  /** One step of a project. */
  async step(id, serial) {
    return this.#transact((stores) => done(stores.steps.get([id, serial])), "readonly");
  }

  /** The newest projects first. */
  async list() {
    if (!this.lasting) return [];
    const projects = await this.#transact((stores) => done(stores.projects.getAll()), "readonly");
    return projects.sort((one, other) => other.updated - one.updated);
  }

  /** Deletes a project. */
  async remove(id) {
    await this.#transact((stores) => {
      stores.projects.delete(id);
      stores.steps.delete(rangeOf(id));
    });
  }

  /** Deletes the oldest projects where there are many, except those open in a tab. @param {Set<string>} open */
  async prune(open) {
    for (const old of (await this.list()).slice(KEPT)) if (!open.has(old.id)) await this.remove(old.id);
  }

  async #transact(work, mode = "readwrite") {
    if (!this.lasting) return undefined;
    const transaction = this.database.transaction(["projects", "steps"], mode);
    const ended = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
    const [result] = await Promise.all([
      work({ projects: transaction.objectStore("projects"), steps: transaction.objectStore("steps") }),
      ended,
    ]);
    return result;
  }
}

function openDatabase() {
  const request = indexedDB.open(DATABASE, 1);
  request.onupgradeneeded = () => {
    request.result.createObjectStore("projects", { keyPath: "id" });
    request.result.createObjectStore("steps", { keyPath: ["project", "serial"] });
  };
  return done(request);
}

const rangeOf = (id) => IDBKeyRange.bound([id], [id, []]);

function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
