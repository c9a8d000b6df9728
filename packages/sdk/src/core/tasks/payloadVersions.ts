/**
 * Payloads of older versions. A task whose payload changes its shape raises its `version`, and says for each older version how to
 * get to the next; its workers then run what is still waiting in the old shape too, beside workers of the old deployment.
 */
import { InvalidOption } from "./taskErrors.ts"

/** From the payload of a version, as JSON, to that of the next. */
export type PayloadMigration = (payload: any) => unknown

/** By the version that each starts from. */
export interface PayloadMigrations {
  readonly [version: number]: PayloadMigration
}

/** The older versions that can be read, oldest first; throws `InvalidOption` when a step is missing. */
export const olderVersions = (name: string, version: number, migrations: PayloadMigrations = {}): ReadonlyArray<number> => {
  const steps = Object.keys(migrations).map(Number).toSorted((a, b) => a - b)
  for (const [index, step] of steps.entries()) {
    const option = `migrations.${step}`
    if (!Number.isInteger(step) || step < 1 || step >= version) {
      throw new InvalidOption(name, option, "there", `keyed by the version it starts from, below ${version}, which is the task's own`)
    }
    if (typeof migrations[step] !== "function") throw new InvalidOption(name, option, migrations[step], "a function from one payload to the next")
    const next = steps[index + 1] ?? version
    if (next !== step + 1) throw new InvalidOption(name, `migrations.${step + 1}`, "missing", `there: from version ${step} nothing leads on to ${version}`)
  }
  return steps
}

/** A migration threw: nothing can be made of this payload, so the task is dead at once. */
export class PayloadMigrationFailed extends Error {
  readonly _tag = "PayloadMigrationFailed"
  constructor(task: string, from: number, cause: unknown) {
    super(`The payload of "${task}" could not be brought from version ${from} to ${from + 1}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}

/** Step by step to the newest version; throws `PayloadMigrationFailed`. */
export const migratePayload = (name: string, payload: unknown, from: number, version: number, migrations: PayloadMigrations): unknown => {
  let migrated = payload
  for (let step = from; step < version; step++) {
    try {
      migrated = migrations[step]!(migrated)
    } catch (cause) {
      throw new PayloadMigrationFailed(name, step, cause)
    }
  }
  return migrated
}
