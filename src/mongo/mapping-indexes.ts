import mongoose, { type Model } from "mongoose";
import { mappingSchema, type MappingDocument } from "./mapping-document.js";
import type { RunOperation } from "./operations.js";

/** A collection that does not exist yet has no indexes. */
async function listIndexNames(model: Model<MappingDocument>): Promise<string[]> {
  try {
    return (await model.collection.indexes()).map(({ name }) => String(name));
  } catch (error) {
    const isCollectionMissing =
      error instanceof mongoose.mongo.MongoServerError && error.codeName === "NamespaceNotFound";
    if (isCollectionMissing) return [];
    throw error;
  }
}

/** The indexes of the collection of mappings. The schema declares them. */
export function createMappingIndexes(model: Model<MappingDocument>, run: RunOperation) {
  /** Creates the declared indexes that MongoDB does not have. */
  const create = () => run(() => model.createIndexes());

  /** Returns the names of the declared indexes that MongoDB does not have. */
  const listMissing = () =>
    run(async () => {
      const declared = mappingSchema.indexes().map(([, options]) => options.name ?? "");
      const present = new Set(await listIndexNames(model));
      return declared.filter((name) => !present.has(name));
    });

  const hasMappings = () => run(async () => (await model.collection.findOne({})) !== null);

  return {
    create,
    listMissing,

    /**
     * Creates the indexes of an empty collection, and returns the names of the missing ones. In a collection with data,
     * creating an index takes time and slows the database: the operator decides when to do it (`vital-gateway migrate`).
     */
    async prepare(): Promise<readonly string[]> {
      const missing = await listMissing();
      if (missing.length === 0 || (await hasMappings())) return missing;
      await create();
      return listMissing();
    },
  };
}
