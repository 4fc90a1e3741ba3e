// Which objects a look is given to, and the operations that give it.

/**
 * The objects within the scope that are not locked.
 *
 * @param {object} state
 * @returns {number[]}
 */
export function objectsInScope({ scene, selected, scope, locks }) {
  if (!scene) return [];
  const chosen = scene.has(selected) ? selected : null;
  const all = scope === "all" ? scene.objects() : chosen === null ? [] : scope === "class" ? scene.objectsOf(scene.classes[chosen]) : [chosen];
  return all.filter((id) => !locks.includes(id));
}

/**
 * A step that gives a look to the objects in scope.
 *
 * @param {object} state
 * @param {number[]} vector
 * @param {string} what the look is, for the history
 */
export function lookStep(state, vector, what) {
  const { scene, locks } = state;
  const objects = objectsInScope(state);
  if (!objects.length) return null;
  const operations = [];
  for (const index of new Set(objects.map((id) => scene.classes[id]))) {
    const ofClass = objects.filter((id) => scene.classes[id] === index);
    const whole = state.scope !== "object" && !scene.objectsOf(index).some((id) => locks.includes(id));
    if (whole) operations.push({ do: "set_class_style", class: index, style: vector });
    else operations.push(...ofClass.map((instance) => ({ do: "set_style", instance, style: vector })));
  }
  return { label: `${what} for ${scopeName(state)}`, operations };
}

/** A step that draws new looks for the objects in scope; for all where nothing is selected. */
export function shuffleStep(state) {
  const objects = objectsInScope(state.scene.has(state.selected) ? state : { ...state, scope: "all" });
  if (!objects.length) return null;
  const [seed] = crypto.getRandomValues(new Uint32Array(1));
  return { label: "Shuffle looks", operations: [{ do: "draw_styles", seed, instances: objects }] };
}

/** The look of the bank that an object has, or null. */
export function numberOf({ styles }, scene, id) {
  const row = scene.styles[id];
  const looks = styles.get(scene.classes[id]) ?? [];
  const found = looks.find(({ vector }) => vector.every((value, at) => Math.abs(value - row[at]) < 1e-5));
  return found ? found.number : null;
}

/** The look between two. */
export const blended = (from, to, share) => from.map((value, at) => value + share * (to[at] - value));

/** The scope in words. */
export function scopeName({ scope, scene, selected, bundle }) {
  if (scope === "all") return "everything";
  const name = bundle.classes[scene.classes[selected]].name;
  return scope === "class" ? `each ${name}` : scene.name(selected, bundle.classes);
}
