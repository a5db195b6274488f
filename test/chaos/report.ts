/** The result of a run, for people and for programs. */
export type Report = {
  seed: number;
  /** All counts and measurements, as a table for each title. */
  tables: Readonly<Record<string, readonly Row[]>>;
  /** Counts that must be zero, by name. */
  counts: Readonly<Record<string, number>>;
  /** One line for each problem found. */
  details: readonly string[];
  /** Duration of the whole run, start and stop included. */
  seconds: number;
};

/** The value is `null` if there was nothing to measure. */
export type Row = readonly [name: string, value: string | number | null];

const maxShownDetails = 20;
const countsTitle = "Must be zero";

/** NaN fails as well. */
const listFailed = ({ counts }: Report) => Object.entries(counts).filter(([, count]) => count !== 0);

export const hasFailed = (report: Report): boolean => listFailed(report).length > 0;

const toText = (value: Row[1]): string => (value === null ? "-" : String(value));

const toTable = (title: string, rows: readonly Row[]): string[] =>
  rows.length === 0
    ? []
    : ["", title, ...rows.map(([name, value]) => `  ${toText(value).padStart(7)}  ${name}`)];

function toVerdict(report: Report): string {
  const failed = listFailed(report).length;
  if (failed === 0) return "Passed: every count that must be zero is zero.";
  return `Failed: ${failed} of the counts that must be zero ${failed === 1 ? "is" : "are"} not.`;
}

/** Formats the report for a terminal. The last line says whether the run passed. */
export function toLines(report: Report): string {
  const { tables, counts, details, seed, seconds } = report;
  const hidden = details.length - maxShownDetails;
  return [
    ...Object.entries(tables).flatMap(([title, rows]) => toTable(title, rows)),
    ...toTable(countsTitle, Object.entries(counts)),
    "",
    ...details.slice(0, maxShownDetails),
    ...(hidden > 0 ? [`… and ${hidden} more`] : []),
    `Seed ${seed}, ${seconds.toFixed(0)} s.`,
    toVerdict(report),
  ].join("\n");
}

/** Formats the report as one line of JSON with the same names and numbers as the tables. */
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
    [countsTitle]: counts,
    details: details.slice(0, maxShownDetails),
  });
}
