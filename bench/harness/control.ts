/** What a measured process and its bench say to each other over the IPC channel. */
export type Started = { type: "started"; url: string };
export type Usage = { type: "usage"; cpuMicroseconds: number; rssBytes: number };

/** In a measured process: says where it listens, and from then on what it has used whenever it is asked. */
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
  // The bench is gone: nobody else ends this process.
  process.on("disconnect", () => process.exit(0));
  const started: Started = { type: "started", url };
  process.send?.(started);
}
