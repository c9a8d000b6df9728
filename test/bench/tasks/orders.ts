/** What the process of one subject is told to do, and what it answers. Milliseconds; moments are those of `now`. */
import type { Shape } from "./queue.ts"

/** Who enqueues makes the schema before. */
export type Order =
  /** Enqueues many: so many to warm up, and so many that count. */
  | { readonly _tag: "Fill"; readonly shape: Shape; readonly warmup: number; readonly tasks: number }
  /** So many callers enqueue one after the other, each for itself. */
  | { readonly _tag: "Singles"; readonly shape: Shape; readonly callers: number; readonly warmMillis: number; readonly millis: number }
  /** Enqueues one now and then. */
  | { readonly _tag: "Trickle"; readonly shape: Shape; readonly tasks: number }
  | RunOrder

/** Runs handlers until the last of the tasks, or until it is told to stop. */
export interface RunOrder {
  readonly _tag: "Run"
  readonly shape: Shape
  /** How many handlers begin before the clock does. */
  readonly before: number
  /** How many tasks there are, or are to be done. */
  readonly tasks: number
  /** The clock stops after so long, however many are done. */
  readonly capMillis: number
}

/** How long it took to enqueue those that count. */
export interface Filled {
  readonly millis: number
  readonly counted: number
  /** Warm-up included. */
  readonly enqueued: number
}

export interface Ran {
  /** When the clock began, and how many had succeeded by then. */
  readonly from: number
  readonly before: number
  /** When all that was done was stored, and how many had succeeded. */
  readonly to: number
  readonly succeeded: number
  /** Whether the clock was stopped before all was done, and for how long nothing had moved by then. */
  readonly capped: boolean
  readonly stalled: number
  /** Resident memory, bytes. */
  readonly rss: number
  /** From the enqueue to the handler's start, of each. */
  readonly latencies: ReadonlyArray<number>
}

/** From the child. `Ready` once it is loaded, and the schema is there; then it waits for `Go`. */
export type Word =
  | { readonly _tag: "Ready" }
  /** A runner is at work. */
  | { readonly _tag: "Running" }
  /** How many it has done so far. */
  | { readonly _tag: "Done"; readonly succeeded: number }
  | { readonly _tag: "Result"; readonly result: Filled | Ran }
  | { readonly _tag: "Failed"; readonly message: string }

export type Command = "Go" | "Stop"
