/** The progress of a run. `share` is from 0 to 1, or `null` when the total is unknown. */
export type ProgressState = { sent: number; refused: number; share: number | null };

type Terminal = { write(text: string): unknown; isTTY?: boolean; columns?: number };

const barWidth = 24;
const redrawEveryMs = 100;
const lineEveryMs = 10_000;
const clear = "\r\u001b[2K";

const toBar = (share: number) => {
  const full = Math.round(share * barWidth);
  return `[${"#".repeat(full)}${"-".repeat(barWidth - full)}] ${Math.floor(share * 100)} %`;
};

/** Shows the progress of a run: on a terminal as a bar, elsewhere as a line every ten seconds. */
export function createProgress(terminal: Terminal, now: () => number = () => performance.now()) {
  const startedAt = now();
  let shownAt = startedAt;
  let drawn = "";

  function toText({ sent, refused, share }: ProgressState): string {
    const perSecond = Math.round((sent * 1000) / Math.max(1, now() - startedAt));
    const parts = [`${sent} sent`, `${perSecond}/s`, ...(refused > 0 ? [`${refused} rejected`] : [])];
    return [...(share === null ? [] : [toBar(Math.min(1, share))]), parts.join(", ")].join("  ");
  }

  return {
    show(state: ProgressState): void {
      if (now() - shownAt < (terminal.isTTY ? redrawEveryMs : lineEveryMs)) return;
      shownAt = now();
      const text = toText(state);
      if (!terminal.isTTY) {
        terminal.write(`${text}\n`);
        return;
      }
      drawn = text.slice(0, (terminal.columns ?? 80) - 1);
      terminal.write(clear + drawn);
    },

    /** Prints a line, and keeps the bar below it. */
    print(line: string): void {
      terminal.write(drawn === "" ? `${line}\n` : `${clear}${line}\n${drawn}`);
    },

    /** Removes the bar. */
    end(): void {
      if (drawn !== "") terminal.write(clear);
      drawn = "";
    },
  };
}
