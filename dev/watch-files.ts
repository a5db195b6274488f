import { watch } from "node:fs";
import { join } from "node:path";

/** Files that are saved within this time of each other, as a formatter or git does, count as one change. */
const settleMs = 200;

/** Editors write temporary files beside a source file; those are ignored. */
const isSource = (file: string) => /\.(ts|js|json|graphql)$/.test(file);

/** Watches folders below `root`. Calls `onSaved` with the saved files (paths relative to `root`) once saving has paused. */
export function watchFiles(
  root: string,
  folders: readonly string[],
  onSaved: (files: readonly string[]) => void,
): { close(): void } {
  let saved: string[] = [];
  let timer: NodeJS.Timeout | undefined;

  function addFile(file: string): void {
    saved.push(file);
    clearTimeout(timer);
    timer = setTimeout(() => {
      const files = saved;
      saved = [];
      onSaved(files);
    }, settleMs);
  }

  const watchers = [...new Set(folders)].map((folder) =>
    watch(join(root, folder), { recursive: true }, (_event, file) => {
      if (file !== null && isSource(file)) addFile(join(folder, file));
    }),
  );
  return {
    close() {
      clearTimeout(timer);
      for (const watcher of watchers) watcher.close();
    },
  };
}
