import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Test files that start processes: they take the longest, and mostly wait. */
const isLong = ({ moduleId }: TestSpecification): boolean =>
  /\/test\/(?:e2e|cli|vital|workers|telemetry)\//.test(moduleId);

/** Runs the slowest files first, so that none of them runs alone at the end. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}
