/**
 * A trace: a policy, and what comes to it on virtual time. Both faces are driven by the same traces, and what is seen of them
 * must be the same to the millisecond: `table/` says what by hand, `random.ts` lets chance write them.
 *
 * Where the faces differ by their nature, all in one place:
 *
 * - An effect that comes after a wait begins a turn of the scheduler after the engine has let it in, a promise's work at once.
 *   So in random traces no work behind a queue ends in the very turn in which it begins.
 * - An effect is told to stop within the stack that decides it, and may be over before that goes on; a promise that is
 *   rejected is seen as over a microtask later. So the effects here, told to stop, take one turn.
 * - Answers come to their callers some microtasks or turns later, and more of them through a fallback. So of several who hear
 *   in the same millisecond it does not matter who is first.
 * - The promise of an aborted call rejects at once, and an interrupted fiber ends when the finalizers of its attempts have. So
 *   a call that is aborted is over for a trace when its caller leaves. Without any deadline an effect runs in its caller's
 *   fiber, and the engine itself hears of the abort only then.
 * - On a `TestClock`, a wait of no time is over before all else that falls due now; the clock of the promise face is told the same.
 * - Defects and a `Schedule` as `retry` are for effects only.
 */
import type { ChaosStep } from "../../src/core/call/chaos.ts"
import type { PolicyOptions } from "../../src/core/options.ts"

/** Of each attempt: what it comes to. A number is the status of a result. */
export type Kind = "ok" | "pending" | "fails" | "bug" | "refused" | number

export interface Reply {
  readonly kind: Kind
  /** Milliseconds; 0 in the very turn in which it begins, Infinity never. */
  readonly after: number
  /** Goes on for so long when it is told to stop. */
  readonly deaf: number
  /** Seconds, or ms from now that are said as a date. */
  readonly retryAfter?: number | { readonly date: number }
}

/** Durations are milliseconds. */
export type Options = Omit<PolicyOptions<number>, "cache">

export interface CallStep {
  readonly do: "call"
  readonly at: number
  readonly name: string
  /** One for each attempt; the last is that of all further ones. */
  readonly replies: ReadonlyArray<Reply>
  /** Monotonic, as a caller around it would hand down. */
  readonly deadline?: number | undefined
  readonly idempotent?: boolean | undefined
  readonly weight?: number | undefined
  readonly breakerKey?: string | undefined
  /** Whether the caller has something else to give. */
  readonly fallback?: boolean | undefined
}

export type Step =
  | CallStep
  | { readonly do: "abort"; readonly at: number; readonly name: string }
  | { readonly do: "isolate" | "restore"; readonly at: number }
  | { readonly do: "update"; readonly at: number; readonly options: Options }
  | { readonly do: "chaos"; readonly at: number; readonly faults: ReadonlyArray<ChaosStep<number>> | null }

export interface Script {
  readonly policy: Options
  /** What chance gives, in turn and over again; 0.5 unless said. */
  readonly chance?: ReadonlyArray<number>
  /** In the order of their times. */
  readonly steps: ReadonlyArray<Step>
  /** When the last is seen; an hour after the last step unless said. */
  readonly until?: number
}

export const script = (policy: Options, ...steps: ReadonlyArray<Step>): Script => ({ policy, steps })

/* Replies. */
const reply = (kind: Kind) => (after = 0): Reply => ({ kind, after, deaf: 0 })
export const ok = reply("ok")
export const pending = reply("pending")
export const fails = reply("fails")
export const bug = reply("bug")
export const refused = reply("refused")
export const hangs: Reply = { kind: "ok", after: Infinity, deaf: 0 }
export const status = (code: number, after = 0, retryAfter?: Reply["retryAfter"]): Reply =>
  ({ kind: code, after, deaf: 0, ...(retryAfter !== undefined && { retryAfter }) })
export const deaf = (millis: number, of: Reply = hangs): Reply => ({ ...of, deaf: millis })

/* Steps. */
export const call = (at: number, name: string, replies: Reply | ReadonlyArray<Reply>, options: Partial<CallStep> = {}): CallStep =>
  ({ do: "call", at, name, replies: "kind" in replies ? [replies] : replies, ...options })
export const abort = (at: number, name: string): Step => ({ do: "abort", at, name })
export const isolate = (at: number): Step => ({ do: "isolate", at })
export const restore = (at: number): Step => ({ do: "restore", at })
export const update = (at: number, options: Options): Step => ({ do: "update", at, options })
export const chaos = (at: number, faults: ReadonlyArray<ChaosStep<number>> | null): Step => ({ do: "chaos", at, faults })

/** One call after the other at the same time, each with a name of its own: a1, a2, ... */
export const calls = (at: number, name: string, count: number, replies: Reply | ReadonlyArray<Reply>, options: Partial<CallStep> = {}): ReadonlyArray<CallStep> =>
  Array.from({ length: count }, (_, n) => call(at, `${name}${n + 1}`, replies, options))

/** What the work gives, or fails with, `epoch` being now. */
export const outcomeOf = ({ kind, retryAfter }: Reply, epoch: number): { readonly ok: boolean; readonly value: unknown } => {
  if (kind === "ok" || kind === "pending") return { ok: true, value: kind }
  if (kind === "fails") return { ok: false, value: new Error("boom") }
  if (kind === "bug") return { ok: false, value: new TypeError("bug") }
  if (kind === "refused") return { ok: false, value: Object.assign(new Error("refused"), { code: "ECONNREFUSED" }) }
  const asked = typeof retryAfter === "object" ? new Date(epoch + retryAfter.date).toUTCString() : retryAfter
  return { ok: true, value: { status: kind, headers: asked === undefined ? {} : { "retry-after": asked } } }
}
