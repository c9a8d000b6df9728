/**
 * When a runner is started, and started again: a pure machine.
 *
 *   starting --ready--> up --drain--> draining --died--> stopped
 *      |                 |
 *      +------died-------+--> backoff --over--> starting
 *
 * A runner that was up for a while is replaced at once. One that dies young, again and again, waits longer each time, and is
 * never given up: what is wrong may be mended at any moment, and health says why until then.
 */

/** Milliseconds throughout. `crashes` counts deaths in a row of runners that were not up for long. */
export type RunnerState =
  | { readonly _tag: "Starting"; readonly since: number; readonly crashes: number; readonly why?: string | undefined }
  | { readonly _tag: "Up"; readonly since: number; readonly crashes: number; readonly why?: string | undefined }
  | { readonly _tag: "Backoff"; readonly since: number; readonly until: number; readonly crashes: number; readonly why: string }
  | { readonly _tag: "Draining"; readonly since: number }
  | { readonly _tag: "Stopped"; readonly since: number }

export type RunnerEvent =
  | { readonly _tag: "Ready" }
  | { readonly _tag: "Died"; readonly why: string }
  | { readonly _tag: "BackoffOver" }
  | { readonly _tag: "Drain" }

/** What has to be done about a transition. */
export type RunnerAction =
  | { readonly _tag: "Fork" }
  | { readonly _tag: "AskToDrain" }
  | { readonly _tag: "CallBack"; readonly after: number }

export interface Transition {
  readonly state: RunnerState
  readonly actions: ReadonlyArray<RunnerAction>
}

/** A runner that was up this long did not die of its start. */
export const steadyAfter = 3000
const firstBackoff = 100
const longestBackoff = 30_000

/** After so many deaths in a row: 0.1 s, 0.2 s, 0.4 s, ... 30 s. */
export const backoffOf = (crashes: number): number => Math.min(longestBackoff, firstBackoff * 2 ** (crashes - 1))

const stay = (state: RunnerState): Transition => ({ state, actions: [] })

/** How a supervisor begins. */
export const begin = (now: number): Transition => ({ state: { _tag: "Starting", since: now, crashes: 0 }, actions: [{ _tag: "Fork" }] })

const died = (why: string, crashes: number, now: number): Transition => {
  const after = backoffOf(crashes)
  return { state: { _tag: "Backoff", since: now, until: now + after, crashes, why }, actions: [{ _tag: "CallBack", after }] }
}

/** Events that a state has no use for come late, and change nothing. */
export const step = (state: RunnerState, event: RunnerEvent, now: number): Transition => {
  switch (state._tag) {
    case "Starting": switch (event._tag) {
      case "Ready": return stay({ _tag: "Up", since: now, crashes: state.crashes, why: state.why })
      case "Died": return died(event.why, state.crashes + 1, now)
      case "Drain": return { state: { _tag: "Draining", since: now }, actions: [{ _tag: "AskToDrain" }] }
      default: return stay(state)
    }
    case "Up": switch (event._tag) {
      case "Died": return died(event.why, now - state.since >= steadyAfter ? 1 : state.crashes + 1, now)
      case "Drain": return { state: { _tag: "Draining", since: now }, actions: [{ _tag: "AskToDrain" }] }
      default: return stay(state)
    }
    case "Backoff": switch (event._tag) {
      case "BackoffOver": return { state: { _tag: "Starting", since: now, crashes: state.crashes, why: state.why }, actions: [{ _tag: "Fork" }] }
      case "Drain": return stay({ _tag: "Stopped", since: now })
      default: return stay(state)
    }
    case "Draining": return event._tag === "Died" ? stay({ _tag: "Stopped", since: now }) : stay(state)
    case "Stopped": return stay(state)
  }
}
