/** Tests for tasks, with promises, in any runner: nothing of Effect, no dependency. As effects: `@outrigger/sdk/TestKit`. */
export { createTestKit, type DrainOptions, type Expected, type Faults, TestKit, type TestKitOptions } from "./TestKit.ts"
export type { PerformContext } from "./perform.ts"
export type { Statement } from "./statement.ts"
export { TaskAssertionError } from "../core/testing/assertions.ts"
export type { DrainFailure, DrainResult } from "../core/testing/draining.ts"
export type { Expectation, Part } from "../core/testing/expectation.ts"
export type { EnqueuedTask } from "../core/testing/workbench.ts"
