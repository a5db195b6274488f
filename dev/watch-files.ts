import { watch } from "node:fs";
import { join } from "node:path";

/** Saving several files, as a formatter or git does, is one change. */
const settleMs = 200;

/** What editors write beside a file is none of ours. */
const isSource = (file: string) => /\.(ts|js|json|graphql)$/.test(file);

/** Watches folders below `root`, and tells which files were saved when things have calmed down, relative to `root`. */
export function watchFiles(
  root: string,
  folders: readonly string[],
  onSaved: (files: readonly string[]) => void,
): { close(): void } {
  let saved: string[] = [];
  let timer: NodeJS.Timeout | undefined;

  function note(file: string): void {
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
      if (file !== null && isSource(file)) note(join(folder, file));
    }),
  );
  return {
    close() {
      clearTimeout(timer);
      for (const watcher of watchers) watcher.close();
    },
  };
}
