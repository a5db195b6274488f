import mongoose from "mongoose";
import { ServiceError } from "../core/errors.js";

/** Why MongoDB cannot be used, and what to change. Contains no credentials and no data. */
export type MongoFailure = { reason: string; fix: string };

const { MongoServerError, MongoServerSelectionError, MongoBulkWriteError, MongoMissingDependencyError } =
  mongoose.mongo;

const fixes = {
  refused:
    "check the host and the port in MONGODB_URL, and that MongoDB is running and listens on this address (bindIp)",
  unknownHost: "check the host name in MONGODB_URL, and that it resolves from here",
  srv: "check the host name after mongodb+srv://, and that DNS here serves SRV records; otherwise list the hosts with mongodb://",
  unreachable:
    "check the host and the port in MONGODB_URL, and firewalls and IP access lists between here and MongoDB",
  closed: "if MongoDB requires TLS, add tls=true to MONGODB_URL; check IP access lists",
  noTls:
    "MongoDB does not accept TLS on this port: remove tls=true from MONGODB_URL, or configure TLS on the server",
  certificate:
    "add tlsCAFile=/path/to/ca.pem to MONGODB_URL, or set NODE_EXTRA_CA_CERTS, with the CA of the server",
  certificateName: "use a host name in MONGODB_URL that the server's certificate contains",
  certificateDate: "renew the server's certificate, and check the clock of this machine",
  tlsFile: "check the paths tlsCAFile and tlsCertificateKeyFile in MONGODB_URL",
  tls: "check the TLS options in MONGODB_URL; a client certificate needs tlsCertificateKeyFile, and MongoDB Atlas closes connections from addresses outside its IP access list",
  authentication:
    "check the user name and the password in MONGODB_URL, and that authSource is the database in which the user was created, often authSource=admin",
  unauthenticated: "add the user name and the password to MONGODB_URL",
  unauthorized: "give the user of MONGODB_URL the role readWrite on its database",
  replicaSet:
    "set replicaSet in MONGODB_URL to the name of the replica set, which rs.conf() shows; a standalone server must first be started with --replSet and initiated with rs.initiate()",
  uninitiated: "run rs.initiate() once in mongosh",
  noPrimary: "check rs.status(): a primary needs a majority of the members",
  dependency: "remove the option that needs this package from MONGODB_URL",
  other: "check MONGODB_URL, and that MongoDB is running",
};

const certificateCodes = [
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
];
const fixOfNetworkCode: Readonly<Record<string, string>> = {
  ECONNREFUSED: fixes.refused,
  ENOTFOUND: fixes.unknownHost,
  EAI_AGAIN: fixes.unknownHost,
  ETIMEDOUT: fixes.unreachable,
  EHOSTUNREACH: fixes.unreachable,
  ENETUNREACH: fixes.unreachable,
  ERR_TLS_CERT_ALTNAME_INVALID: fixes.certificateName,
  CERT_HAS_EXPIRED: fixes.certificateDate,
  CERT_NOT_YET_VALID: fixes.certificateDate,
  ENOENT: fixes.tlsFile,
  EACCES: fixes.tlsFile,
  EISDIR: fixes.tlsFile,
  ...Object.fromEntries(certificateCodes.map((code) => [code, fixes.certificate])),
};

/** Server errors by code. Their messages are not shown, because they can repeat a command or a key. */
const serverErrors: Readonly<Record<number, MongoFailure>> = {
  18: { reason: "authentication failed", fix: fixes.authentication },
  8000: { reason: "authentication failed", fix: fixes.authentication },
  334: {
    reason: "the server does not accept this authMechanism",
    fix: "remove authMechanism from MONGODB_URL, or use one that the server accepts",
  },
};

function describeServerError(error: InstanceType<typeof MongoServerError>): MongoFailure {
  const known = serverErrors[Number(error.code)];
  if (known !== undefined) return known;
  if (error.code === 13) {
    return error.message.endsWith("requires authentication")
      ? { reason: "the server requires authentication", fix: fixes.unauthenticated }
      : { reason: "the user is not authorized", fix: fixes.unauthorized };
  }
  const name = (error as { codeName?: string }).codeName ?? error.name;
  return {
    reason: `the server reports ${name} (${String(error.code ?? "no code")})`,
    fix: "look up the error in MongoDB's log",
  };
}

function toNetworkFix(code: string, message: string): string {
  const known = fixOfNetworkCode[code];
  if (known !== undefined) return known;
  if (/before secure TLS connection|wrong version number/i.test(message)) return fixes.noTls;
  if (code.startsWith("ERR_OSSL")) return fixes.tlsFile;
  if (/^ERR_SSL|^EPROTO/.test(code)) return fixes.tls;
  if (message.includes("timed out")) return fixes.unreachable;
  return message.endsWith("closed") || code === "ECONNRESET" ? fixes.closed : fixes.other;
}

/** Describes an error of the network, of DNS or of TLS by the driver's message, which names the host. */
function describeNetworkError(error: Error, address = ""): MongoFailure {
  const { code, syscall } = (error.cause ?? error) as { code?: unknown; syscall?: unknown };
  const { message } = error;
  const isSrv = /^query(?:Srv|Txt)$/.test(String(syscall));
  return {
    reason: address === "" || message.includes(address) ? message : `${address}: ${message}`,
    fix: isSrv ? fixes.srv : toNetworkFix(typeof code === "string" ? code : "", message),
  };
}

/** Describes why no server was selected, from what the driver knows of each server. */
function describeSelection(error: InstanceType<typeof MongoServerSelectionError>): MongoFailure {
  const { servers, setName } = error.reason ?? { servers: new Map<string, never>(), setName: null };
  const known = [...servers.entries()];
  const [failed] = known.flatMap(([address, { error: failure }]) =>
    failure === null ? [] : [describeNetworkError(failure, address)],
  );
  if (failed !== undefined) return failed;
  const addresses = known.map(([address]) => address).join(", ");
  const isWrongSet =
    setName !== null && (known.length === 0 || known.every(([, { type }]) => type === "Standalone"));
  if (isWrongSet)
    return {
      reason: `none of the servers is a member of the replica set "${setName}"`,
      fix: fixes.replicaSet,
    };
  if (known.some(([, { type }]) => type === "RSGhost"))
    return { reason: `the replica set of ${addresses} is not initiated`, fix: fixes.uninitiated };
  if (known.some(([, { type }]) => type !== "Unknown"))
    return { reason: `there is no primary among ${addresses}`, fix: fixes.noPrimary };
  return { reason: `no response from ${addresses}`, fix: fixes.unreachable };
}

/** Describes an error of the driver, or of an operation that the driver did not end in time. */
export function describeMongoFailure(error: unknown): MongoFailure {
  if (!(error instanceof Error)) return { reason: "unknown error", fix: fixes.other };
  if (error instanceof ServiceError) return { reason: error.reason ?? error.code, fix: fixes.unreachable };
  if (error instanceof MongoServerSelectionError) return describeSelection(error);
  if (error instanceof MongoBulkWriteError && error.errorResponse instanceof Error)
    return describeMongoFailure(error.errorResponse);
  if (error instanceof MongoServerError) return describeServerError(error);
  if (error instanceof MongoMissingDependencyError) return { reason: error.message, fix: fixes.dependency };
  return describeNetworkError(error);
}
