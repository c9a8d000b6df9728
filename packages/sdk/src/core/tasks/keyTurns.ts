/** Concurrency keys of the memory store: whose turn it is, within one claim. */
import type { NewTask } from "./task.ts"

type Keyed = Pick<NewTask, "concurrencyKey" | "keyConcurrency">

export class KeyTurns<Row extends Keyed> {
  private readonly lines: Map<string | undefined, Array<Row>>
  private readonly running = new Map<string, number>()

  /** `line` is what may be claimed, the oldest first. */
  constructor(line: ReadonlyArray<Row>, running: ReadonlyArray<Keyed>) {
    this.lines = Map.groupBy(line, ({ concurrencyKey }) => concurrencyKey)
    for (const row of running) this.count(row)
  }

  /** In place of a task with a key: the oldest of that key, unless as many as it says run already. */
  next(row: Row): Row | undefined {
    const { concurrencyKey } = row
    if (concurrencyKey === undefined) return row
    const oldest = this.lines.get(concurrencyKey)?.[0]
    return oldest !== undefined && (this.running.get(concurrencyKey) ?? 0) < (oldest.keyConcurrency ?? 1) ? oldest : undefined
  }

  take(row: Row): void {
    if (row.concurrencyKey === undefined) return
    this.lines.get(row.concurrencyKey)!.shift()
    this.count(row)
  }

  private count({ concurrencyKey }: Keyed): void {
    if (concurrencyKey !== undefined) this.running.set(concurrencyKey, (this.running.get(concurrencyKey) ?? 0) + 1)
  }
}
