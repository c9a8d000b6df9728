import { assert, describe, it } from "vitest"
import { type Death, spentOf, verdictOf } from "../src/agent/supervision/blame.ts"
import { backoffOf, begin, type RunnerEvent, type RunnerState, steadyAfter, step } from "../src/agent/supervision/supervision.ts"
import type { AttemptRef } from "../src/runner/protocol.ts"

const states: { readonly [K in RunnerState["_tag"]]: RunnerState & { readonly _tag: K } } = {
  Starting: { _tag: "Starting", since: 0, crashes: 2 },
  Up: { _tag: "Up", since: 0, crashes: 2 },
  Backoff: { _tag: "Backoff", since: 0, until: 400, crashes: 3, why: "it fell" },
  Draining: { _tag: "Draining", since: 0 },
  Stopped: { _tag: "Stopped", since: 0 }
}
const events = { Ready: { _tag: "Ready" }, Died: { _tag: "Died", why: "again" }, BackoffOver: { _tag: "BackoffOver" }, Drain: { _tag: "Drain" } } as const satisfies Record<string, RunnerEvent>

type Row = readonly [from: keyof typeof states, event: keyof typeof events, to: keyof typeof states, actions: ReadonlyArray<string>]
const table: ReadonlyArray<Row> = [
  ["Starting", "Ready", "Up", []],
  ["Starting", "Died", "Backoff", ["CallBack"]],
  ["Starting", "BackoffOver", "Starting", []],
  ["Starting", "Drain", "Draining", ["AskToDrain"]],
  ["Up", "Ready", "Up", []],
  ["Up", "Died", "Backoff", ["CallBack"]],
  ["Up", "BackoffOver", "Up", []],
  ["Up", "Drain", "Draining", ["AskToDrain"]],
  ["Backoff", "Ready", "Backoff", []],
  ["Backoff", "Died", "Backoff", []],
  ["Backoff", "BackoffOver", "Starting", ["Fork"]],
  ["Backoff", "Drain", "Stopped", []],
  ["Draining", "Ready", "Draining", []],
  ["Draining", "Died", "Stopped", []],
  ["Draining", "BackoffOver", "Draining", []],
  ["Draining", "Drain", "Draining", []],
  ["Stopped", "Ready", "Stopped", []],
  ["Stopped", "Died", "Stopped", []],
  ["Stopped", "BackoffOver", "Stopped", []],
  ["Stopped", "Drain", "Stopped", []]
]

describe("the supervision of a runner", () => {
  it("begins with a start", () => {
    const { actions, state } = begin(5)
    assert.deepStrictEqual([state._tag, actions], ["Starting", [{ _tag: "Fork" }]])
  })

  it.each(table)("goes from %s on %s to %s", (from, event, to, actions) => {
    const transition = step(states[from], events[event], 1000)
    assert.strictEqual(transition.state._tag, to)
    assert.deepStrictEqual(transition.actions.map(({ _tag }) => _tag), actions)
    if (actions.length === 0 && from === to) assert.strictEqual(transition.state, states[from])
  })

  it("waits longer after each death in a row, and never longer than 30 s", () => {
    assert.deepStrictEqual([1, 2, 3, 4, 5, 10, 100].map(backoffOf), [100, 200, 400, 800, 1600, 30_000, 30_000])
  })

  it("counts deaths of runners that were not up for long, and forgets them after one that was", () => {
    const young = step(states.Up, events.Died, steadyAfter - 1)
    assert.deepStrictEqual(young, {
      state: { _tag: "Backoff", since: steadyAfter - 1, until: steadyAfter - 1 + 400, crashes: 3, why: "again" },
      actions: [{ _tag: "CallBack", after: 400 }]
    })
    const grown = step(states.Up, events.Died, steadyAfter)
    assert.deepStrictEqual(grown.actions, [{ _tag: "CallBack", after: 100 }])
  })

  it("remembers what the last one died of until one is up for good", () => {
    const starting = step(states.Backoff, events.BackoffOver, 400).state
    const up = step(starting, events.Ready, 500).state
    assert.deepInclude(up, { _tag: "Up", crashes: 3, why: "it fell" })
  })
})

const task: AttemptRef = { id: "7", name: "resize", version: 1, attempt: 2, fence: "3" }
const other: AttemptRef = { id: "8", name: "mail", version: 1, attempt: 1, fence: "1" }
const death: Death = { at: 10_000, code: null, signal: "SIGKILL", outOfMemory: false }
const blocked = (blockedFor: number) => ({ _tag: "Blocked", blocked: blockedFor, task, where: "spin (/app/tasks.ts:42)" }) as const

const verdicts: ReadonlyArray<readonly [what: string, death: Death, culprits: unknown, name: string, message: string]> = [
  ["a blocked event loop", { ...death, sentence: blocked(10_000) }, [task], "EventLoopBlocked", "blocked the event loop for 10 s in spin (/app/tasks.ts:42)"],
  ["one blocked by nobody knows whom", { ...death, sentence: { _tag: "Blocked", blocked: 10_000 } }, "undetermined", "EventLoopBlocked", "blocked the event loop for 10 s"],
  ["a handler that does not end", { ...death, sentence: { _tag: "Stuck", tasks: [task], killAfter: 10_000 } }, [task], "TaskStuck", "went on for 10 s after its end: it heeds neither its timeout nor its signal"],
  ["silence", { ...death, sentence: { _tag: "Silent", silence: 30_000 } }, "undetermined", "RunnerSilent", "its runner gave no sign of life for 30 s"],
  ["a drain that took too long", { ...death, sentence: { _tag: "Drained" } }, "nobody", "Drained", "the worker was drained"],
  ["process.exit", { ...death, code: 3, signal: null, lastWord: { word: { _tag: "Exit", code: 3, task }, at: 10_000 } }, [task], "ProcessExit", "ended its runner with process.exit(3)"],
  ["process.exit by nobody knows whom", { ...death, code: 3, signal: null, lastWord: { word: { _tag: "Exit", code: 3 }, at: 10_000 } }, "undetermined", "ProcessExit", "ended its runner with process.exit(3)"],
  ["an error outside of a promise", { ...death, code: 1, signal: null, lastWord: { word: { _tag: "Uncaught", message: "Error: astray", task }, at: 10_000 } }, [task], "UncaughtError", "threw outside of its promise, which ended its runner: Error: astray"],
  ["a full heap with a fresh suspect", { ...death, signal: "SIGABRT", outOfMemory: true, lastWord: { word: blocked(700), at: 9500 } }, [task], "OutOfMemory", "its runner ran out of memory while it held the CPU"],
  ["a full heap with a stale suspect", { ...death, signal: "SIGABRT", outOfMemory: true, lastWord: { word: blocked(700), at: 9000 } }, "undetermined", "OutOfMemory", "its runner ran out of memory while it ran"],
  ["a full heap after the loop was free again", { ...death, signal: "SIGABRT", outOfMemory: true, lastWord: { word: { _tag: "Free" }, at: 9900 } }, "undetermined", "OutOfMemory", "its runner ran out of memory while it ran"],
  ["a kill from outside", death, "undetermined", "RunnerKilled", "its runner was killed (SIGKILL) while it ran"],
  ["an end without a word", { ...death, code: 9, signal: null }, "undetermined", "RunnerExited", "its runner ended with exit code 9 while it ran"]
]

describe("the verdict on a runner's death", () => {
  it.each(verdicts)("of %s", (_, death, culprits, name, message) => {
    const verdict = verdictOf(death)
    assert.deepStrictEqual(verdict.culprits, culprits)
    assert.deepStrictEqual(verdict.failure, { name, message })
    assert.isNotEmpty(verdict.why)
  })

  it("spends the culprit's attempt alone, and only under the fence it was seen with", () => {
    const held = [task, other]
    const verdict = verdictOf({ ...death, sentence: blocked(10_000) })
    assert.deepStrictEqual(spentOf(verdict, held), [task])
    assert.deepStrictEqual(spentOf(verdict, [{ ...task, fence: "4" }, other]), [])
  })

  it("spends all attempts where nobody can be told, and none after a drain", () => {
    assert.deepStrictEqual(spentOf(verdictOf(death), [task, other]), [task, other])
    assert.deepStrictEqual(spentOf(verdictOf({ ...death, sentence: { _tag: "Drained" } }), [task, other]), [])
  })
})
