import { readPublishConfig, readQueueConfig } from "../../config/config.js";
import { ConfigError } from "../../config/settings-reader.js";
import { createGatewaySender } from "../../publisher/gateway-sender.js";
import { toGatewayTarget, type GatewayTarget } from "../../publisher/gateway-target.js";
import { createQueueSender } from "../../publisher/queue-sender.js";
import { CliError } from "../command.js";
import type { PublishOptions } from "./options.js";
import type { SendBatch } from "./send-all.js";

/** Where the events of a run go. */
export type Target = { send: SendBatch; close: () => Promise<void> };

function readGatewayTarget(gatewayUrl: string | undefined): GatewayTarget {
  const config = readPublishConfig();
  try {
    return toGatewayTarget(gatewayUrl ?? config.gatewayUrl, config.signingSecret);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    // The messages name the parameters of the publisher.
    const secretProblem = /^signingSecret (.*)/s.exec(error.message)?.[1];
    if (secretProblem !== undefined) throw new ConfigError([`EVENTS_SIGNING_SECRETS: ${secretProblem}`]);
    throw new CliError(error.message.replace(/^gatewayUrl/, "--gateway"), 2);
  }
}

/** Opens the target that the options name, with the settings that it needs. A dry run needs none. */
export function openTarget({ isDryRun, isQueue, gatewayUrl }: PublishOptions): Target {
  if (isDryRun) return { send: () => Promise.resolve(), close: () => Promise.resolve() };
  if (isQueue) {
    const queue = createQueueSender(readQueueConfig());
    return { send: (_id, events) => queue.sendBatch(events), close: queue.close };
  }
  const gateway = createGatewaySender(readGatewayTarget(gatewayUrl), () => new Date());
  return { send: gateway.sendBatch, close: gateway.close };
}
