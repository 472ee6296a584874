/**
 * Runs in the page: how long each key takes, from the moment at which the browser had it until the
 * page is laid out with it. `deltapadKey` is the time of the last one, when it is known.
 */
addEventListener(
  "keydown",
  ({ timeStamp }) => {
    globalThis.deltapadKey = new Promise((resolve) => {
      // In the frame that shows the key, behind the editor's own measuring: once read, the layout
      // is done.
      requestAnimationFrame(() =>
        queueMicrotask(() => {
          document.querySelector(".cm-content").getBoundingClientRect();
          resolve(performance.now() - timeStamp);
        }),
      );
    });
  },
  true,
);
