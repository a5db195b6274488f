import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toClientNetwork } from "../../src/http/client-network.js";
import { parseIpAddress } from "../../src/http/ip-address.js";
import {
  createClientAddressReader,
  createProxyTrust,
  describeTrustedProxies,
  parseTrustedProxies,
} from "../../src/http/trusted-proxies.js";
import { startServer } from "../support/http/test-server.js";

function createReader(setting: string) {
  const proxies = parseTrustedProxies(setting);
  if ("problems" in proxies) throw new Error(proxies.problems.join("; "));
  return createClientAddressReader(createProxyTrust(proxies));
}

const client = "203.0.113.9";
const cdn = "198.51.100.5";
const loadBalancer = "10.0.0.7";

describe("the address of a client", () => {
  test.each([
    ["false", client, loadBalancer],
    ["0", client, loadBalancer],
    ["true", `1.1.1.1, ${client}`, client],
    ["1", `1.1.1.1, ${client}`, client],
    ["2", `1.1.1.1, ${client}, ${cdn}`, client],
    ["2", client, client],
    ["16", `${client}, ${cdn}`, client],
    ["10.0.0.0/8", `1.1.1.1, ${client}, 10.9.9.9`, client],
    ["10.0.0.0/8, 198.51.100.5", `1.1.1.1, ${client}, ${cdn}:443, 10.9.9.9:8080`, client],
    ["10.0.0.5/8", client, client],
    ["uniquelocal", `1.1.1.1, ${client}, 192.168.1.1, 172.16.0.1, fd00::1`, client],
    ["loopback", client, loadBalancer],
    ["::ffff:10.0.0.0/104", client, client],
    ["true", "", loadBalancer],
    ["true", ` , ${client} , `, client],
    ["true", `${client}, unknown`, loadBalancer],
    ["true", `${client}, _hidden`, loadBalancer],
    ["2", `${client}, unknown, ${cdn}`, cdn],
    ["true", "[2001:db8::1]:4711", "2001:db8::1"],
    ["true", "2001:DB8::1", "2001:db8::1"],
    ["true", "fe80::1%eth0", "fe80::1"],
    ["true", "::ffff:203.0.113.9", client],
    ["true", "[::ffff:cb00:7109]:4711", client],
    ["true", "0:0:0:0:0:ffff:cb00:7109", client],
    ["true", "64:ff9b::203.0.113.9", client],
    ["true", `${client}:99999999`, loadBalancer],
    ["true", "203.0.113.009", loadBalancer],
  ])("with %s and X-Forwarded-For %j is %s", (setting, header, expected) => {
    expect(createReader(setting)(`::ffff:${loadBalancer}`, header)).toBe(expected);
  });

  test("is the one that the trusted proxy appended, whatever the client sends", () => {
    const address = fc.oneof(fc.ipV4(), fc.ipV6());
    const written = address.chain((ip) =>
      fc.constantFrom(ip, ip.includes(":") ? `[${ip}]:443` : `${ip}:443`).map((text) => ({ ip, text })),
    );
    const forged = fc.oneof(
      fc.string(),
      address,
      fc.array(address).map(String),
      fc.string({ unit: "binary" }),
    );
    const readers = ["true", "1", "10.0.0.7", "10.0.0.7/32, 127.0.0.1"].map(createReader);
    fc.assert(
      fc.property(forged, written, fc.constantFrom(",", ", ", " , ,"), (sent, { ip, text }, separator) => {
        for (const read of readers) {
          const counted = read(loadBalancer, `${sent}${separator}${text}`);
          // A client that has the address of the proxy cannot be told apart from it.
          if (ip !== loadBalancer) expect(counted).toBe(parseIpAddress(ip));
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test("is the one that the outermost of several trusted proxies appended, whatever the client sends", () => {
    const readers = ["2", "10.0.0.0/8, 198.51.100.5", "uniquelocal 198.51.100.0/24"].map(createReader);
    // Public addresses, which none of the settings contains.
    const address = fc
      .tuple(fc.nat(255), fc.nat(255))
      .chain(([a, b]) => fc.constantFrom(`203.0.${a}.${b}`, `2001:db8::${a.toString(16)}:${b.toString(16)}`));
    const forged = fc.oneof(
      fc.string(),
      fc.array(fc.constantFrom(cdn, loadBalancer, client, "::1")).map(String),
    );
    fc.assert(
      fc.property(forged, address, fc.boolean(), (sent, ip, isCombined) => {
        const entries = [`${sent},${ip}`, `${cdn}:443`];
        for (const read of readers) {
          const counted = read(loadBalancer, isCombined ? entries.join(", ") : entries);
          expect(counted).toBe(parseIpAddress(ip));
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test("is that of the connection when no proxy is trusted, whatever the client sends", () => {
    fc.assert(
      fc.property(fc.string(), (sent) => {
        expect(createReader("false")(loadBalancer, sent)).toBe(loadBalancer);
      }),
    );
  });
});

test.each([
  ["192.0.2.1", "192.0.2.1"],
  ["::ffff:192.0.2.1", "192.0.2.1"],
  ["::ffff:c000:201", "192.0.2.1"],
  ["::FFFF:C000:0201", "192.0.2.1"],
  ["0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:0DB8:0001:0002::", "2001:db8:1:2::/64"],
  ["::1", "0:0:0:0::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ["1::192.0.2.1", "1:0:0:0::/64"],
])("the client %s is counted as %s", (address, network) => {
  expect(toClientNetwork(address)).toBe(network);
});

describe("a setting", () => {
  test.each([
    ["yes", /"yes" is not an address; write true, a number of proxies, or addresses such as 10\.0\.0\.0\/8/],
    ["-1", /is not an address/],
    ["1.5", /is not an address/],
    ["17", /at most 16/],
    ["10.0.0.0/33", /prefix length/],
    ["::ffff:10.0.0.0/8", /prefix length/],
    ["fd00::/129", /prefix length/],
    ["10.0.0.0/x", /is not an address/],
    ["10.0.0.0/8/8", /is not an address/],
    ["10.0.0.0:80", /is not an address/],
    ["0.0.0.0/0", /every address/],
    ["::/0", /every address/],
    ["10.0.0.0/8, proxy.internal", /"proxy.internal" is not an address/],
  ])("%s is rejected with what to write", (setting, problem) => {
    expect(parseTrustedProxies(setting)).toEqual({ problems: [expect.stringMatching(problem)] });
  });

  test("is described for the log", () => {
    const describeSetting = (setting: string) => {
      const proxies = parseTrustedProxies(setting);
      return "problems" in proxies ? "" : describeTrustedProxies(proxies);
    };
    expect(describeSetting("false")).toBe("the connection");
    expect(describeSetting("TRUE")).toBe("X-Forwarded-For, entry 1 from the right");
    expect(describeSetting("10.0.0.0/8 ::1")).toBe(
      "X-Forwarded-For, from the right, up to the first address outside 10.0.0.0/8, ::1/128",
    );
  });
});

test("the host and the scheme of a trusted proxy are used, and those of other clients are not", async () => {
  const path = "/.well-known/oauth-protected-resource";
  const headers = { "x-forwarded-host": "api.example", "x-forwarded-proto": "https" };
  const resourceOf = async (setting: string) => {
    const proxies = parseTrustedProxies(setting);
    const { request, url } = await startServer("problems" in proxies ? {} : { trustedProxies: proxies });
    const { resource } = (await (await request(path, { headers })).json()) as { resource: string };
    return resource.replace(url, "own URL");
  };
  expect(await resourceOf("false")).toBe("own URL");
  expect(await resourceOf("192.0.2.1")).toBe("own URL");
  expect(await resourceOf("true")).toBe("https://api.example");
  expect(await resourceOf("loopback")).toBe("https://api.example");
});
