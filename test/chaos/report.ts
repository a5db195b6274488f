/** What a run has to say, for people and programs alike. */
export type Report = {
  seed: number;
  /** Everything that was counted or measured: a table for each title. */
  tables: Readonly<Record<string, readonly Row[]>>;
  /** What has to be zero, by name. */
  counts: Readonly<Record<string, number>>;
  /** One line for each thing that is wrong. */
  details: readonly string[];
  /** The whole run, start and stop included, seconds. */
  seconds: number;
};

/** `null` where nothing could be measured. */
export type Row = readonly [name: string, value: string | number | null];

const maxShown = 20;
const titleOfCounts = "Must be zero";

/** A count that is no number is as bad as one that is not zero. */
const listFailed = ({ counts }: Report) => Object.entries(counts).filter(([, count]) => count !== 0);

export const hasFailed = (report: Report): boolean => listFailed(report).length > 0;

const toText = (value: Row[1]): string => (value === null ? "-" : String(value));

const toTable = (title: string, rows: readonly Row[]): string[] =>
  rows.length === 0
    ? []
    : ["", title, ...rows.map(([name, value]) => `  ${toText(value).padStart(7)}  ${name}`)];

/** The run in words for a terminal; the last line says how many counts are not zero. */
export function toLines(report: Report): string {
  const { tables, counts, details, seed, seconds } = report;
  const hidden = details.length - maxShown;
  return [
    ...Object.entries(tables).flatMap(([title, rows]) => toTable(title, rows)),
    ...toTable(titleOfCounts, Object.entries(counts)),
    "",
    ...details.slice(0, maxShown),
    ...(hidden > 0 ? [`and ${hidden} more`] : []),
    `seed ${seed}, ${seconds.toFixed(0)} s`,
    `${listFailed(report).length} failed`,
  ].join("\n");
}

/** The run as one JSON line for a program: every number of the tables under the same names. */
export function toJson(report: Report): string {
  const { tables, counts, details, seed, seconds } = report;
  const values = Object.entries(tables).map(
    ([title, rows]) =>
      [title, Object.fromEntries(rows.map(([name, value]) => [name.trim(), value]))] as const,
  );
  return JSON.stringify({
    ok: !hasFailed(report),
    seed,
    seconds: Math.round(seconds),
    ...Object.fromEntries(values),
    [titleOfCounts]: counts,
    details: details.slice(0, maxShown),
  });
}
