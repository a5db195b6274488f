import type { Member } from "../processes/fleet.js";

/** What a fault may do with the load. */
export type LoadControls = {
  /** Nobody sends or asks any more, until the release. */
  hold: () => void;
  release: () => void;
  /** Asks one gateway for a token, held or not; gives what came of it. */
  knock: (gateway: Member) => Promise<string>;
};
