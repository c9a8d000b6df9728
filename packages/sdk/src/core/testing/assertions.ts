/**
 * Whether the tasks that there are fit what a test asks for, and what to say when they do not: what there is, the nearest
 * first, beside what was asked for.
 */
import { askedOf, type Comparison, compare, type Expectation, refuseExpectation, show } from "./expectation.ts"
import type { EnqueuedTask } from "./workbench.ts"

/** Of one name or not, a message shows so many tasks. */
const shown = 5

/** Thrown by the assertions of a test kit; `AssertionError` by name, as test runners know it. */
export class TaskAssertionError extends Error {
  override readonly name = "AssertionError"
}

/** A task, and everything that was asked of it. */
interface Held<Payload> {
  readonly task: EnqueuedTask<Payload>
  readonly comparisons: ReadonlyArray<Comparison>
}

/** The tasks of a kit, those of the asked name held against what was asked. */
export class Findings<Payload> {
  private readonly name: string
  private readonly expected: Expectation<Payload>
  private readonly own: ReadonlyArray<Held<Payload>>
  private readonly others: ReadonlyArray<EnqueuedTask>

  constructor(name: string, expected: Expectation<Payload>, own: ReadonlyArray<EnqueuedTask<Payload>>, others: ReadonlyArray<EnqueuedTask>) {
    refuseExpectation(expected)
    this.name = name
    this.expected = expected
    this.own = own.map((task) => ({ task, comparisons: [...compare(expected, task)] }))
    this.others = others
  }

  private held(): ReadonlyArray<Held<Payload>> {
    return this.own.filter(({ comparisons }) => comparisons.every(({ fits }) => fits))
  }

  /** Those that fit, in the order in which they were enqueued. */
  fitting(): ReadonlyArray<EnqueuedTask<Payload>> {
    return this.held().map(({ task }) => task)
  }

  /** The first that fits; throws when there is none, or when there are not as many as were asked for. */
  assert(): EnqueuedTask<Payload> {
    const { length } = this.held()
    const { count } = this.expected
    if (count === undefined ? length === 0 : length !== count) throw new TaskAssertionError(this.missing(length))
    return this.fitting()[0]!
  }

  /** Throws when one fits. */
  refute(): void {
    const held = this.held()
    if (held.length > 0) throw new TaskAssertionError(lines(`${plural(held.length, "task")} "${this.name}" ${was(held.length)} enqueued and should not be:`, this.blocks(held)))
  }

  private missing(fitting: number): string {
    const { length } = this.own
    if (length === 0) {
      const asked = askedOf(this.expected)
      return lines(`No task "${this.name}" was enqueued.`, asked.length === 0 ? [] : [["  asked for", ...columns(asked)].join("\n")], this.rest())
    }
    const { count } = this.expected
    const head = count !== undefined && fitting > 0
      ? `${plural(count, "task")} "${this.name}" that fit ${was(count)} asked for, but ${fitting} of ${length} ${fitting === 1 ? "does" : "do"}:`
      : `No task "${this.name}" fits; ${length} ${was(length)} enqueued:`
    return lines(head, this.blocks([...this.own].sort((a, b) => misfits(a) - misfits(b))), this.rest())
  }

  private blocks(all: ReadonlyArray<Held<Payload>>): ReadonlyArray<string> {
    const blocks = all.slice(0, shown).map(({ comparisons, task }) => {
      const rows = comparisons.map(({ asked, field, fits, found }) => [`${fits ? "=" : "≠"} ${field}`, asked, found] as const)
      const head = `  task ${task.id}, ${task.state}: ${show(task.payload, 120)}`
      return rows.length === 0 ? head : [head, ...columns([["", "asked for", "enqueued"], ...rows])].join("\n")
    })
    return all.length > shown ? [...blocks, `  and ${all.length - shown} more`] : blocks
  }

  private rest(): ReadonlyArray<string> {
    if (this.others.length === 0) return this.own.length === 0 ? ["Nothing else was enqueued either."] : []
    const counts = new Map<string, number>()
    for (const { name, version } of this.others) {
      const kind = name === this.name ? `"${name}" of version ${version}` : `"${name}"`
      counts.set(kind, (counts.get(kind) ?? 0) + 1)
    }
    return [`Enqueued too: ${[...counts].map(([kind, count]) => `${count} of ${kind}`).join(", ")}`]
  }
}

const misfits = ({ comparisons }: Held<unknown>): number => comparisons.filter(({ fits }) => !fits).length

const was = (count: number): string => count === 1 ? "was" : "were"
const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? "" : "s"}`
const lines = (head: string, ...parts: ReadonlyArray<ReadonlyArray<string>>): string => [head, ...parts.flat()].join("\n\n")

/** Rows with their cells one below the other. */
const columns = (rows: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows.map((row) => `    ${row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ")}`.trimEnd())
}
