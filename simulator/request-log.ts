import type { OperationName } from "./operation.js";

/** `status` is null while there is no answer, and stays so where none is given. */
export type RequestCount = { method: string; path: string; status: number | null; count: number };
export type TimelineEntry = { at: number; operation: OperationName | null; status: number | null };

const timelineLength = 50_000;

/** Counts requests by route pattern, never by address: no id and no token gets in. */
export function createRequestLog({ now }: { now: () => number }) {
  const rows = new Map<string, RequestCount>();
  let timeline: TimelineEntry[] = [];

  const getCount = (method: string, path: string, status: number | null): RequestCount => {
    const key = `${method} ${path} ${status}`;
    const known = rows.get(key);
    if (known !== undefined) return known;
    const row = { method, path, status, count: 0 };
    rows.set(key, row);
    return row;
  };

  return {
    /** Notes an arrival; the function it gives is called with the status, if the request is ever answered. */
    record(method: string, path: string, operation: OperationName | null): (status: number) => void {
      const entry: TimelineEntry = { at: now(), operation, status: null };
      timeline.push(entry);
      // Cut now and then, not at every push.
      if (timeline.length >= 2 * timelineLength) timeline = timeline.slice(-timelineLength);
      const unanswered = getCount(method, path, null);
      unanswered.count += 1;
      return (status) => {
        unanswered.count -= 1;
        getCount(method, path, status).count += 1;
        entry.status = status;
      };
    },

    listCounts: (): RequestCount[] => [...rows.values()].filter(({ count }) => count > 0),

    /** The last 50,000 requests in order of arrival, from an instant (epoch milliseconds) on. */
    listTimeline: (since: number): TimelineEntry[] =>
      timeline.slice(-timelineLength).filter(({ at }) => at >= since),

    clear(): void {
      rows.clear();
      timeline = [];
    },
  };
}
export type RequestLog = ReturnType<typeof createRequestLog>;
