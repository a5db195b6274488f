import { createHash } from "node:crypto";

const style = `
  body { font: 15px/1.4 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
  label { display: block; font-weight: 600; margin-top: 1rem; }
  textarea, input { box-sizing: border-box; font: 13px/1.5 ui-monospace, monospace; padding: .5rem; width: 100%; }
  #query { height: 14rem; } #variables { height: 4rem; }
  button { font: inherit; margin: 1rem .5rem 0 0; padding: .4rem 1.2rem; }
  pre { background: #f4f4f5; min-height: 4rem; overflow: auto; padding: .75rem; white-space: pre-wrap; }
`;

const script = `
  const field = (id) => document.getElementById(id);
  const examples = {
    viewer: "query Viewer {\\n  viewer {\\n    id\\n    vitalUser { id state environment region activatedAt }\\n  }\\n}",
    token: "mutation SignIn {\\n  vitalSignInToken { userId signInToken environment region }\\n}",
    types: "{\\n  __schema {\\n    types { name kind description fields { name description type { name kind } } }\\n  }\\n}",
  };
  for (const name of Object.keys(examples)) {
    field(name).addEventListener("click", () => { field("query").value = examples[name]; });
  }
  field("query").value = examples.viewer;
  field("run").addEventListener("click", async () => {
    const output = field("response");
    output.textContent = "…";
    try {
      const response = await fetch(location.pathname, {
        method: "POST",
        headers: {
          accept: "application/graphql-response+json, application/json;q=0.9",
          authorization: "Bearer " + field("token-value").value.trim(),
          "content-type": "application/json",
        },
        body: JSON.stringify({
          query: field("query").value,
          variables: JSON.parse(field("variables").value || "{}"),
        }),
      });
      const body = await response.text();
      let shown = body;
      try { shown = JSON.stringify(JSON.parse(body), null, 2); } catch {}
      output.textContent = response.status + " " + response.statusText + "\\n" + shown;
    } catch (error) {
      output.textContent = String(error);
    }
  });
`;

/** A page for trying out the API: one file that loads nothing from elsewhere and does not store the token. */
export const explorerPage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Vital Gateway: GraphQL</title>
<style>${style}</style>
</head>
<body>
<h1>Vital Gateway: GraphQL</h1>
<label for="token-value">Access token</label>
<input id="token-value" type="password" autocomplete="off" spellcheck="false">
<label for="query">Operation</label>
<textarea id="query" spellcheck="false"></textarea>
<label for="variables">Variables (JSON)</label>
<textarea id="variables" spellcheck="false">{}</textarea>
<button id="run">Run</button>
<button id="viewer">Example: viewer</button>
<button id="token">Example: sign-in token</button>
<button id="types">Example: schema</button>
<label for="response">Response</label>
<pre id="response"></pre>
<script>${script}</script>
</body>
</html>
`;

const toSource = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** Allows the page its own script, its own style and its own server, and nothing else (CSP Level 3). */
export const explorerPolicy = [
  "default-src 'none'",
  `script-src ${toSource(script)}`,
  `style-src ${toSource(style)}`,
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");
