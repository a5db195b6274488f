/**
 * Keeps a failed write to standard output or standard error from ending the process with a stack trace. What cannot be
 * written is lost: a reader that closes the output early (`| head -1`) does not interrupt a command, and a full disk does
 * not stop a gateway. The first failure is written to standard error, unless the reader has closed the output.
 *
 * @returns a function that says whether output was lost for another reason than a reader that closed it
 */
export function tolerateOutputErrors(): () => boolean {
  let isLost = false;
  process.stderr.on("error", () => undefined);
  process.stdout.on("error", ({ code }: NodeJS.ErrnoException) => {
    if (code === "EPIPE" || isLost) return;
    isLost = true;
    process.stderr.write(
      `cannot write to standard output (${code ?? "unknown error"}); its lines are lost\n`,
    );
  });
  return () => isLost;
}
