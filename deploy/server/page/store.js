// The one place that holds the state of the page; modules watch the parts that they show.

/**
 * Makes a store.
 *
 * @param {object} initial the first state.
 * @returns {{state: object, update: (patch: object) => void, watch: (keys: string[], listener: () => void) => void}}
 *     `state` is only to be read; `update` changes it, and those who watch a changed key are called once, soon after.
 */
export function createStore(initial) {
  const state = { ...initial };
  const watchers = [];
  const changed = new Set();
  let due = false;

  function tell() {
    due = false;
    const keys = new Set(changed);
    changed.clear();
    for (const each of watchers) if (each.keys.some((key) => keys.has(key))) each.listener();
  }

  return {
    state,
    update(patch) {
      for (const [key, value] of Object.entries(patch)) {
        if (Object.is(state[key], value)) continue;
        state[key] = value;
        changed.add(key);
      }
      if (changed.size && !due) {
        due = true;
        queueMicrotask(tell);
      }
    },
    watch(keys, listener) {
      watchers.push({ keys, listener });
      listener();
    },
  };
}
