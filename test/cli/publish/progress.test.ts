import { expect, test } from "vitest";
import { createProgress } from "../../../src/cli/publish/progress.js";

function startProgress(isTTY: boolean) {
  const clock = { now: 0 };
  let written = "";
  const terminal = { isTTY, columns: 60, write: (text: string) => void (written += text) };
  const progress = createProgress(terminal, () => clock.now);
  return { clock, progress, written: () => written };
}

test("a terminal shows a bar below the printed lines, which is removed at the end", () => {
  const { clock, progress, written } = startProgress(true);
  clock.now = 1_000;
  progress.show({ sent: 500, refused: 1, share: 0.5 });
  expect(written()).toContain("[############------------] 50 %  500 sent, 500/s, 1 reje");
  progress.print("line 7: no");
  expect(written()).toContain("line 7: no\n[####");
  progress.end();
  expect(written().endsWith("\r\u001b[2K")).toBe(true);
});

test("any other output gets a line from time to time", () => {
  const { clock, progress, written } = startProgress(false);
  clock.now = 9_000;
  progress.show({ sent: 500, refused: 0, share: null });
  expect(written()).toBe("");
  clock.now = 10_000;
  progress.show({ sent: 1_000, refused: 0, share: null });
  progress.print("line 7: no");
  progress.end();
  expect(written()).toBe("1000 sent, 100/s\nline 7: no\n");
});
