// Shows something for a time that is measured by frames. requestAnimationFrame gives the start of each frame on the
// clock of performance.now(); what its callback changes is seen from that frame on.

const nextFrame = () => new Promise(requestAnimationFrame);

/** The time from one frame to the next, in ms: the median of some. */
export async function frameLength(count = 9) {
  const starts = [];
  while (starts.length <= count) starts.push(await nextFrame());
  const lengths = starts.slice(1).map((start, index) => start - starts[index]);
  return lengths.sort((a, b) => a - b)[count >> 1];
}

/**
 * Calls show(), and hide() a number of ms later, each in a frame.
 *
 * A frame that takes long delays the start of the next one, and with it what was drawn in the first. So both ends are
 * stamped with the frame after: shown_ms is the start of the first frame after the one that drew what is shown.
 */
export async function expose(milliseconds, show, hide) {
  const frame = await frameLength();
  await nextFrame();
  show();
  const shown = await nextFrame();
  let now = shown;
  // What is hidden in this frame is stamped a frame later; the nearest frame to the end is taken.
  while (now + frame - shown < milliseconds - frame / 2) now = await nextFrame();
  hide();
  return { shown_ms: shown, masked_ms: await nextFrame(), frame_ms: frame };
}
