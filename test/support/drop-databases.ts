import mongoose from "mongoose";

/** Opens a connection, does the work, and closes the connection. */
async function withMongo<T>(
  url: string,
  work: (client: mongoose.mongo.MongoClient) => Promise<T>,
): Promise<T> {
  const client = new mongoose.mongo.MongoClient(url);
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}

/** Drops every database whose name starts with the prefix. */
export async function dropDatabases(url: string, prefix: string): Promise<void> {
  await withMongo(url, async (client) => {
    const { databases } = await client.db("admin").admin().listDatabases({ nameOnly: true });
    for (const { name } of databases) {
      if (name.startsWith(prefix)) await client.db(name).dropDatabase();
    }
  });
}
