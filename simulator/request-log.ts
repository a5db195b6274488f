import type { OperationName } from "./operation.js";

/** `status` is null until the response is sent, and stays null when none is sent. */
type RequestCount = { method: string; path: string; status: number | null; count: number };
export type TimelineEntry = { at: number; operation: OperationName | null; status: number | null };

const timelineLength = 50_000;

/** Counts requests by route pattern, never by URL, so that it stores no ids and no tokens. */
export function createRequestLog({ now }: { now: () => number }) {
  const counts = new Map<string, RequestCount>();
  let timeline: TimelineEntry[] = [];

  const getCount = (method: string, path: string, status: number | null): RequestCount => {
    const key = `${method} ${path} ${status}`;
    const known = counts.get(key);
    if (known !== undefined) return known;
    const added = { method, path, status, count: 0 };
    counts.set(key, added);
    return added;
  };

  return {
    /** Records a received request. The caller calls the returned function with the status when the response is sent. */
    record(method: string, path: string, operation: OperationName | null): (status: number) => void {
      const entry: TimelineEntry = { at: now(), operation, status: null };
      timeline.push(entry);
      // Trim only occasionally, not at every push.
      if (timeline.length >= 2 * timelineLength) timeline = timeline.slice(-timelineLength);
      const pending = getCount(method, path, null);
      pending.count += 1;
      return (status) => {
        pending.count -= 1;
        getCount(method, path, status).count += 1;
        entry.status = status;
      };
    },

    listCounts: (): RequestCount[] => [...counts.values()].filter(({ count }) => count > 0),

    /** Returns the last 50,000 requests since a time (epoch milliseconds), in order of arrival. */
    listTimeline: (since: number): TimelineEntry[] =>
      timeline.slice(-timelineLength).filter(({ at }) => at >= since),

    clear(): void {
      counts.clear();
      timeline = [];
    },
  };
}
export type RequestLog = ReturnType<typeof createRequestLog>;
