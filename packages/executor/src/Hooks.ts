/**
 * What a host is told while the executor works, as plain data: for metrics, alerts, or a line in a log. Hooks run at once and
 * within the executor's own turn, so they must be quick; what they throw is logged, and changes nothing.
 */
import type { TaskStore } from "@outrigger/sdk"

/** A claim brought tasks; each begins as soon as there is room for it. */
export interface Claimed {
  readonly _tag: "Claimed"
  readonly worker: TaskStore.WorkerId
  readonly tasks: ReadonlyArray<TaskStore.ClaimedTask>
}

/** An attempt begins. */
export interface Started {
  readonly _tag: "Started"
  readonly worker: TaskStore.WorkerId
  readonly task: TaskStore.ClaimedTask
  /** Epoch ms. */
  readonly startedAt: number
}

/** What became of a claimed task is stored, or was refused. */
export interface Settled {
  readonly _tag: "Settled"
  readonly worker: TaskStore.WorkerId
  readonly task: TaskStore.ClaimedTask
  /** `Succeed`, `Retry`, `Die` or `HandBack`, with the reason. */
  readonly settlement: TaskStore.Settlement
  /** False when it came too late, for the fence had moved on, or when the store could not be reached. */
  readonly applied: boolean
  /** How long the attempt took, ms; undefined when none began. */
  readonly took: number | undefined
}

/** An attempt outlives its timeout, or its interruption, by `killAfter`: only replacing the process ends it. Told once for each. */
export interface Stuck {
  readonly _tag: "Stuck"
  readonly worker: TaskStore.WorkerId
  readonly task: TaskStore.ClaimedTask
  /** Epoch ms. */
  readonly startedAt: number
  /** When it had to be over, epoch ms. */
  readonly endsAt: number
}

/** The worker was reaped, or could not renew its lease in time: everything it ran was interrupted. */
export interface LeaseLost {
  readonly _tag: "LeaseLost"
  readonly worker: TaskStore.WorkerId | undefined
}

/** Everything that a hook can be told. */
export type Event = Claimed | Started | Settled | Stuck | LeaseLost

/** One function for each kind of event; what is left out costs nothing. */
export interface Hooks {
  readonly onClaimed?: ((event: Claimed) => void) | undefined
  readonly onStarted?: ((event: Started) => void) | undefined
  readonly onSettled?: ((event: Settled) => void) | undefined
  readonly onStuck?: ((event: Stuck) => void) | undefined
  readonly onLeaseLost?: ((event: LeaseLost) => void) | undefined
}

/** Each hook, unable to throw: `failed` is told instead. */
export const guarded = (hooks: Hooks, failed: (hook: string, error: unknown) => void): Hooks => Object.fromEntries(
  Object.entries(hooks as Readonly<Record<string, ((event: Event) => void) | undefined>>)
    .filter(([, hook]) => hook !== undefined)
    .map(([name, hook]) => [name, (event: Event) => {
      try {
        hook!(event)
      } catch (error) {
        failed(name, error)
      }
    }])
)
