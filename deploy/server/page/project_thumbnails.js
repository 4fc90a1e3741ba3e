// A small picture of each project, for the list of projects.

const WIDTH = 192; // pixels
const QUIET = 1500; // ms

/** @param {object} editor */
export function keepThumbnails({ store, session }) {
  let timer = 0;
  store.watch(["picture"], () => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const { picture, pictured } = store.state;
      if (!picture || pictured) return;
      const width = Math.min(WIDTH, picture.width);
      const small = new OffscreenCanvas(width, Math.max(1, Math.round((picture.height * width) / picture.width)));
      small.getContext("2d").drawImage(picture, 0, 0, small.width, small.height);
      const { timeline } = session;
      const blob = await small.convertToBlob({ type: "image/png" });
      if (timeline === session.timeline) session.keepThumbnail(blob);
    }, QUIET);
  });
}
