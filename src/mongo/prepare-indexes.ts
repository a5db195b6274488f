import type { Mappings } from "./mappings.js";

/**
 * Creates the indexes of an empty collection, and returns the names of the missing ones. On a collection with data,
 * creating an index takes load and time: when to do that is the operator's decision (`vital-gateway migrate`).
 */
export async function prepareIndexes(mappings: Mappings): Promise<readonly string[]> {
  const missing = await mappings.listMissingIndexes();
  if (missing.length === 0 || !(await mappings.isEmpty())) return missing;
  await mappings.createIndexes();
  return mappings.listMissingIndexes();
}
