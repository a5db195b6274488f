import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files that wait for processes and fleets: they take the longest, and mostly wait. */
const isLong = ({ moduleId }: TestSpecification): boolean => /\/test\/(?:e2e|cli|workers)\//.test(moduleId);

/** Starts the long files first, so that none is left running alone at the end. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}
