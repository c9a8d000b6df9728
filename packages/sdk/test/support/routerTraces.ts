/** What both faces are driven through. Targets `a`, `b`, `c`; each policy: 1 s, no retry, a breaker of 2 failures for 5 s. */

export type Reply = "up" | "down" | "wrong" | "hangs"

export interface Step {
  readonly wait?: number
  /** What each target does; `up` where nothing is said. */
  readonly replies?: Readonly<Record<string, Reply>>
  readonly idempotent?: boolean
  /** Each try in order, and how the call ends: with the name of the target that answered, or the error. */
  readonly tried: ReadonlyArray<string>
  readonly end: string
}

export interface Trace {
  readonly title: string
  readonly options?: { readonly strategy?: "ordered" | "weighted"; readonly timeout?: number; readonly leastTime?: number; readonly maxTargets?: number }
  readonly weights?: Readonly<Record<string, number>>
  readonly steps: ReadonlyArray<Step>
}

const down = { a: "down", b: "down", c: "down" } as const

export const traces: ReadonlyArray<Trace> = [
  {
    title: "falls over, leaves the first alone while its breaker is open, and is back by a probe",
    steps: [
      { tried: ["a success"], end: "a" },
      { replies: { a: "down" }, tried: ["a transient", "b success"], end: "b" },
      { replies: { a: "down" }, tried: ["a transient", "b success"], end: "b" },
      { tried: ["b success"], end: "b" },
      { wait: 4999, tried: ["b success"], end: "b" },
      { wait: 1, replies: { a: "down" }, tried: ["a transient", "b success"], end: "b" },
      { tried: ["b success"], end: "b" },
      { wait: 5000, tried: ["a success"], end: "a" }
    ]
  },
  {
    title: "ends at a permanent error, and counts it against nobody",
    steps: [
      { replies: { a: "wrong" }, tried: ["a permanent"], end: "TypeError: wrong" },
      { replies: { a: "wrong" }, tried: ["a permanent"], end: "TypeError: wrong" },
      { tried: ["a success"], end: "a" }
    ]
  },
  {
    title: "goes on from a target that hangs, when its own time is over",
    steps: [{ replies: { a: "hangs" }, tried: ["a transient", "b success"], end: "b" }]
  },
  {
    title: "keeps the deadline of the whole",
    options: { timeout: 1500 },
    steps: [{ replies: { a: "hangs", b: "hangs" }, tried: ["a transient", "b transient"], end: "CallTimeoutError: b: no answer before the deadline" }]
  },
  {
    title: "begins no try that the time left cannot hold",
    options: { timeout: 1500, leastTime: 500 },
    steps: [{ replies: { a: "hangs" }, tried: ["a transient"], end: "CallTimeoutError: a: no answer within 1s" }]
  },
  {
    title: "tries no more targets than it may",
    options: { maxTargets: 2 },
    steps: [{ replies: down, tried: ["a transient", "b transient"], end: "Error: b is down" }]
  },
  {
    title: "repeats nothing that may have been applied",
    steps: [{ replies: { a: "down" }, idempotent: false, tried: ["a transient"], end: "Error: a is down" }]
  },
  {
    title: "with every target out, tries the one nearest to its end once a second",
    steps: [
      { replies: down, tried: ["a transient", "b transient", "c transient"], end: "Error: c is down" },
      { replies: down, tried: ["a transient", "b transient", "c transient"], end: "Error: c is down" },
      { wait: 10, replies: down, tried: ["a transient"], end: "Error: a is down" },
      { tried: ["b rejected"], end: "BreakerOpenError: b: not called: the breaker is open, try again in 5s" },
      { wait: 1000, tried: ["b success"], end: "b" },
      { tried: ["b success"], end: "b" }
    ]
  },
  {
    title: "shares by weight, exactly",
    options: { strategy: "weighted" },
    weights: { a: 2, b: 1, c: 1 },
    steps: ["a", "b", "c", "a", "a", "b", "c", "a"].map((end) => ({ tried: [`${end} success`], end }))
  }
]
