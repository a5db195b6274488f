import type { ServerResponse } from "node:http";

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => escapes[character] ?? character);
}

function toPage(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 26rem; margin: 15vh auto; padding: 0 1rem }
  input, button { font: inherit; padding: .5rem; box-sizing: border-box; width: 100%; margin-top: .5rem }
</style>
<h1>${title}</h1>
${body}
</html>
`;
}

/** Returns the sign-in form, which a person or the demo submits. Its only field is `login`. */
export function toSignInPage(problem: string | null): string {
  const message = problem === null ? "" : `<p role="alert">The user name ${escapeHtml(problem)}.</p>`;
  return toPage(
    "Sign in",
    `<p>This identity provider is for development: any user name works, and there is no password.</p>
${message}
<form method="post">
  <label>User name <input name="login" required autofocus autocomplete="username" autocapitalize="none"></label>
  <button>Sign in</button>
</form>`,
  );
}

/** Returns a page that shows an error message. */
export function toErrorPage(message: string): string {
  return toPage("Sign-in failed", `<p>${escapeHtml(message)}</p>`);
}

/** Sends a page that no other site can frame, that is not cached, and that loads no other resources. */
export function sendPage(response: ServerResponse, status: number, page: string): void {
  response.writeHead(status, {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  });
  response.end(page);
}
