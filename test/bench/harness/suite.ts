/** What a benchmark is made of. */

/** Runs the measured operation `count` times. */
export type Loop = (count: number) => Promise<void>

/** One library's way of doing each case, by the case's name; each is made in a process of its own. */
export type Subject = Readonly<Record<string, () => Loop | Promise<Loop>>>

/** `time`: nanoseconds of an operation. `bytes`: what it allocates. */
export type Measure = "time" | "bytes"

export interface Case {
  readonly name: string
  /** What one operation is, in words for the reader of the table. */
  readonly says: string
}

/** Cases that are compared among the same subjects: one table. */
export interface Group {
  readonly title: string
  /** Whose figure the ratios of all others are taken of. */
  readonly own: string
  readonly cases: ReadonlyArray<Case>
  /** By name, the module whose default export is the `Subject`. A subject need not know every case. */
  readonly subjects: Readonly<Record<string, URL>>
}

/** `ns` of a call, `tasks/s`, `ms`, `MB` of memory; `bytes` that a call allocates, or a task writes. */
export type Unit = "ns" | "bytes" | "tasks/s" | "ms" | "MB"

/** One median, as `--json` writes it. */
export interface Result {
  readonly case: string
  readonly subject: string
  readonly median: number
  readonly unit: Unit
  /** How many rounds the median is of. */
  readonly rounds: number
}
