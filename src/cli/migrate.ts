import type { CliCommand } from "./command.js";
import { withMappings } from "./with-mappings.js";

export const migrateCommand: CliCommand = {
  run: ({ output }) =>
    withMappings(async (mappings) => {
      const missing = await mappings.indexes.listMissing();
      await mappings.indexes.create();
      output.result({ ok: true, created: missing }, () =>
        missing.length === 0 ? ["all indexes exist"] : missing.map((name) => `created index ${name}`),
      );
      return 0;
    }),
};
