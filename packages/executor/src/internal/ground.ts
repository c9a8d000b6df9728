/** What a worker stands on: the store it works for, what it can run, the clock, and how it was set up. */
import type * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import type { Registry, TaskHandlers, TaskStore } from "@outrigger/sdk"
import type { Hooks } from "../Hooks.ts"
import type { Middleware } from "../Middleware.ts"

export interface Ground {
  readonly store: TaskStore.Service
  readonly handlers: TaskHandlers.Handlers
  readonly registry: Registry.Service
  readonly clock: Clock.Clock
  /** In [0, 1). */
  readonly random: () => number
  /** Where its fibers run and log. */
  readonly services: Context.Context<never>
}

/** Milliseconds throughout. */
export interface Settings {
  readonly name: string
  readonly concurrency: number
  readonly batch: number
  readonly prefetch: { readonly ahead: number; readonly returnAfter: number }
  readonly lease: number
  readonly poll: number
  readonly timeout: number | undefined
  readonly drainTimeout: number
  readonly killAfter: number
  readonly enter: ((task: TaskStore.ClaimedTask, begin: () => void) => void) | undefined
  readonly middleware: ReadonlyArray<Middleware>
  readonly hooks: Hooks
}

/** What became of what was claimed, since the executor began. */
export interface Counts {
  claimed: number
  succeeded: number
  failed: number
  timedOut: number
  /** Given back by a handler, for later. */
  snoozed: number
  /** Begun, but handed back with its attempt unspent: a dependency was down, or the worker drained. */
  handedBack: number
  /** Handed back without having begun. */
  returned: number
  /** Outcomes that came too late: the fence had moved on. */
  refused: number
}

/** Milliseconds that only ever grow. */
export const monotonic = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
