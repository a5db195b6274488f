/** The messages that a measured process sends to its benchmark over the IPC channel. */
export type Started = { type: "started"; url: string };
export type Usage = { type: "usage"; cpuMicroseconds: number; rssBytes: number };

/** Called in a measured process: reports the URL once, and then the resource usage for each message received. */
export function serveControl(url: string): void {
  process.on("message", () => {
    const { user, system } = process.cpuUsage();
    const usage: Usage = {
      type: "usage",
      cpuMicroseconds: user + system,
      rssBytes: process.memoryUsage().rss,
    };
    process.send?.(usage);
  });
  // The benchmark has exited, and nothing else ends this process.
  process.on("disconnect", () => process.exit(0));
  const started: Started = { type: "started", url };
  process.send?.(started);
}
