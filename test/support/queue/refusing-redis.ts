import { createServer, type AddressInfo, type Socket } from "node:net";
import { afterAll } from "vitest";

/** Removes the complete commands from the front of the data (RESP arrays of bulk strings). Returns their words. */
function takeCommands(data: Buffer): { commands: string[][]; rest: Buffer } {
  const commands: string[][] = [];
  let offset = 0;
  for (;;) {
    const text = data.toString("latin1", offset);
    const head = /^\*(\d+)\r\n/.exec(text);
    if (head === null) break;
    let at = head[0].length;
    const words: string[] = [];
    for (let index = 0; index < Number(head[1]); index += 1) {
      const length = /^\$(\d+)\r\n/.exec(text.slice(at, at + 16));
      if (length === null) break;
      const start = at + length[0].length;
      const end = start + Number(length[1]);
      if (end + 2 > text.length) break;
      words.push(text.slice(start, end));
      at = end + 2;
    }
    if (words.length < Number(head[1])) break;
    commands.push(words);
    offset += at;
  }
  return { commands, rest: data.subarray(offset) };
}

/**
 * A server that speaks Redis's protocol and refuses commands, for states into which a test cannot bring a real server.
 * Call it at the top level of a file. `reply` returns the raw reply to a command, by its name in upper case.
 */
export async function startRefusingRedis(reply: (command: string) => string): Promise<{ url: string }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let rest = Buffer.alloc(0);
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => {
      const taken = takeCommands(Buffer.concat([rest, chunk]));
      rest = Buffer.from(taken.rest);
      for (const [name = ""] of taken.commands) socket.write(reply(name.toUpperCase()));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  afterAll(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** The reply to INFO of a server with this version. */
export function toInfoReply(version: string): string {
  const info = `redis_version:${version}\r\nloading:0\r\nmaxmemory_policy:noeviction\r\n`;
  return `$${info.length}\r\n${info}\r\n`;
}
