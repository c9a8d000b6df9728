/**
 * What agent and runner say to each other. Both are of one release: the types are the protocol.
 *
 * Messages go over Node's IPC channel, whose runner end is served by the runner's main thread. What must get out while that
 * thread is blocked, or in its last moment, are words: JSON lines, written synchronously to a pipe of its own.
 */
import type { Registry } from "@outrigger/sdk"

/** The file descriptor of the words in the runner. */
export const wordsFd = 4

/** What a runner needs. It comes as a message: an argument, or the environment, could be read by others on the machine. */
export interface RunnerSettings {
  readonly name: string
  /** The handlers file, absolute. */
  readonly tasks: string
  readonly databaseUrl: string
  readonly schema: string | undefined
  readonly pooler: boolean
  /** How many tasks it works on at once. */
  readonly concurrency: number | undefined
  /** Of an attempt whose task says nothing else, ms. */
  readonly taskTimeout: number | undefined
  /** How long finished tasks are kept, ms. */
  readonly retention: { readonly succeeded: number | undefined; readonly unsuccessful: number | undefined }
  /** How long running tasks have to end, ms. */
  readonly drainTimeout: number
  /** How long an attempt may outlive its end, ms. */
  readonly killAfter: number
  readonly verbose: boolean
}

export type AgentMessage =
  | { readonly _tag: "Start"; readonly settings: RunnerSettings }
  | { readonly _tag: "Drain" }

/** An attempt, as far as the two have to talk of it. */
export interface AttemptRef {
  readonly id: string
  readonly name: string
  readonly version: number
  readonly attempt: number
  readonly fence: string
}

/** How many attempts ended how since the runner started. */
export interface RunnerCounts {
  readonly ended: number
  readonly timedOut: number
}

export interface RunnerTask {
  readonly name: string
  readonly queue: string
}

export type RunnerMessage =
  /** The handlers are loaded and the store is reached: it claims. */
  | { readonly _tag: "Ready"; readonly worker: string; readonly tasks: ReadonlyArray<RunnerTask> }
  /** It cannot run, and ends: what is wrong, for people. */
  | { readonly _tag: "Failed"; readonly message: string }
  | {
    readonly _tag: "Report"
    readonly worker: string | undefined
    readonly running: number
    readonly stuck: ReadonlyArray<AttemptRef>
    readonly checks: Registry.Report["checks"]
    readonly counts: RunnerCounts
  }

/** Said without the main thread's help, or as the last thing. */
export type RunnerWord =
  /** The main thread has not come round for `blocked` ms; `task` is what it was found at, where it could be asked. */
  | { readonly _tag: "Blocked"; readonly blocked: number; readonly task?: AttemptRef; readonly where?: string }
  /** It comes round again. */
  | { readonly _tag: "Free" }
  | { readonly _tag: "Exit"; readonly code: number; readonly task?: AttemptRef }
  | { readonly _tag: "Uncaught"; readonly message: string; readonly task?: AttemptRef }
