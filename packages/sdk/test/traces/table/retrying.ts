import type { Story } from "../table.ts"
import { bug, call, fails, ok, pending, refused, status } from "../trace.ts"

const retry = { times: 3, base: 100, factor: 2, max: 300, jitter: "none", budget: false } as const
const twice = { ...retry, times: 2 } as const

/** When to try again, and when not. */
export const retrying: ReadonlyArray<Story> = [
  {
    title: "waits twice as long each time, and never longer than it may",
    policy: { timeout: 10_000, retry },
    steps: [call(0, "a", [fails(), fails(5), fails(), ok(10)])],
    log: [
      "0 retry a 2 of 4 in 100, Error boom",
      "0 a 1 begins",
      "100 a 2 begins",
      "105 retry a 3 of 4 in 200, Error boom",
      "305 retry a 4 of 4 in 300, Error boom",
      "305 a 3 begins",
      "605 a 4 begins",
      "615 a gets ok"
    ],
    state: { calls: 1, successes: 1, attempts: 4, retries: 3, retried: 1, recovered: 1 }
  },
  {
    title: "waits anything up to the delay with full jitter",
    policy: { retry: { ...retry, jitter: "full" } },
    chance: [0.25, 0.75],
    steps: [call(0, "a", fails())],
    log: [
      "0 retry a 2 of 4 in 25, Error boom",
      "0 a 1 begins",
      "25 retry a 3 of 4 in 150, Error boom",
      "25 a 2 begins",
      "175 retry a 4 of 4 in 75, Error boom",
      "175 a 3 begins",
      "250 a 4 begins",
      "250 a fails with Error boom"
    ],
    state: { calls: 1, failures: 1, attempts: 4, retries: 3, retried: 1, exhausted: 1 }
  },
  {
    title: "waits half the delay and up to the whole with equal jitter",
    policy: { retry: { ...retry, jitter: "equal" } },
    chance: [0, 0.5],
    steps: [call(0, "a", fails())],
    log: [
      "0 retry a 2 of 4 in 50, Error boom",
      "0 a 1 begins",
      "50 retry a 3 of 4 in 150, Error boom",
      "50 a 2 begins",
      "200 retry a 4 of 4 in 150, Error boom",
      "200 a 3 begins",
      "350 a 4 begins",
      "350 a fails with Error boom"
    ],
    state: { calls: 1, failures: 1, attempts: 4, retries: 3, retried: 1, exhausted: 1 }
  },
  {
    title: "waits up to three times what it waited before with decorrelated jitter",
    policy: { retry: { ...retry, jitter: "decorrelated" } },
    chance: [0.5],
    steps: [call(0, "a", fails())],
    log: [
      "0 retry a 2 of 4 in 200, Error boom",
      "0 a 1 begins",
      "200 retry a 3 of 4 in 300, Error boom",
      "200 a 2 begins",
      "500 retry a 4 of 4 in 300, Error boom",
      "500 a 3 begins",
      "800 a 4 begins",
      "800 a fails with Error boom"
    ],
    state: { calls: 1, failures: 1, attempts: 4, retries: 3, retried: 1, exhausted: 1 }
  },
  {
    title: "tries at once where there is no delay",
    policy: { retry: { times: 2, base: 0, budget: false } },
    steps: [call(0, "a", [fails(), fails(), ok()])],
    log: [
      "0 retry a 2 of 3 in 0, Error boom",
      "0 retry a 3 of 3 in 0, Error boom",
      "0 a 1 begins",
      "0 a 2 begins",
      "0 a 3 begins",
      "0 a gets ok"
    ],
    state: { calls: 1, successes: 1, attempts: 3, retries: 2, retried: 1, recovered: 1 }
  },
  {
    title: "leaves alone what no repetition mends",
    policy: { retry },
    steps: [call(0, "a", bug()), call(0, "b", status(404))],
    log: [
      "0 a 1 begins",
      "0 b 1 begins",
      "0 a fails with TypeError bug",
      "0 b gets status 404"
    ],
    state: { calls: 2, successes: 1, failures: 1, attempts: 2 }
  },
  {
    title: "repeats a call that must not happen twice only with proof that nothing was applied",
    policy: { retry },
    steps: [call(0, "a", [refused(), fails()], { idempotent: false })],
    log: [
      "0 retry a 2 of 4 in 100, Error refused",
      "0 a 1 begins",
      "100 a 2 begins",
      "100 a fails with Error boom"
    ],
    state: { calls: 1, failures: 1, attempts: 2, retries: 1, retried: 1, exhausted: 1 }
  },
  {
    title: "asks again for a good result that is not wanted yet, and gives the last one",
    policy: { retry: { ...twice, whileResult: (result) => result === "pending" }, breaker: { failures: 1 } },
    steps: [call(0, "a", [pending(), ok()]), call(1000, "b", pending())],
    log: [
      "0 retry a 2 of 3 in 100, pending",
      "0 a 1 begins",
      "100 a 2 begins",
      "100 a gets ok",
      "1000 retry b 2 of 3 in 100, pending",
      "1000 b 1 begins",
      "1100 retry b 3 of 3 in 200, pending",
      "1100 b 2 begins",
      "1300 b 3 begins",
      "1300 b gets pending"
    ],
    state: { calls: 2, successes: 2, attempts: 5, retries: 3, retried: 2, recovered: 2 }
  },
  {
    title: "waits as long as Retry-After says, in seconds and as a date, and no shorter than its own delay",
    policy: { timeout: 10_000, retry: twice },
    steps: [call(0, "a", [status(503, 0, 2), status(429, 0, { date: 3000 }), ok()]), call(10_000, "b", [status(503, 0, 0), ok()])],
    log: [
      "0 retry a 2 of 3 in 2000, status 503",
      "0 a 1 begins",
      "2000 retry a 3 of 3 in 3000, status 429",
      "2000 a 2 begins",
      "5000 a 3 begins",
      "5000 a gets ok",
      "10000 retry b 2 of 3 in 100, status 503",
      "10000 b 1 begins",
      "10100 b 2 begins",
      "10100 b gets ok"
    ],
    state: { calls: 2, successes: 2, attempts: 5, retries: 3, retried: 2, recovered: 2 }
  },
  {
    title: "gives the bad answer itself where its Retry-After comes too late for the deadline",
    policy: { timeout: 1000, retry },
    steps: [call(0, "a", status(503, 0, 1))],
    log: [
      "0 a 1 begins",
      "0 a gets status 503"
    ],
    state: { calls: 1, failures: 1, attempts: 1 }
  },
  {
    title: "begins no retry that the deadline cannot hold, not even at the deadline itself",
    policy: { timeout: 200, retry: { ...retry, base: 90 } },
    steps: [call(0, "a", fails(110)), call(500, "b", fails(109))],
    log: [
      "0 a 1 begins",
      "110 a fails with Error boom",
      "500 b 1 begins",
      "609 retry b 2 of 4 in 90, Error boom",
      "699 b 2 begins",
      "700 timeout b 2",
      "700 b 2 is told to stop",
      "700 b fails with CallTimeoutError"
    ],
    state: { calls: 2, failures: 2, attempts: 3, retries: 1, retried: 1, exhausted: 1, timeouts: 1 }
  },
  {
    title: "begins no retry after the longest time it may take, and one at that very time",
    policy: { retry: { ...retry, factor: 1, maxElapsed: 200 } },
    steps: [call(0, "a", fails()), call(1000, "b", fails(1))],
    log: [
      "0 retry a 2 of 4 in 100, Error boom",
      "0 a 1 begins",
      "100 retry a 3 of 4 in 100, Error boom",
      "100 a 2 begins",
      "200 a 3 begins",
      "200 a fails with Error boom",
      "1000 b 1 begins",
      "1001 retry b 2 of 4 in 100, Error boom",
      "1101 b 2 begins",
      "1102 b fails with Error boom"
    ],
    state: { calls: 2, failures: 2, attempts: 5, retries: 3, retried: 2, exhausted: 2 }
  },
  {
    title: "stops when the budget of all calls is spent",
    policy: { retry: { ...retry, times: 1, budget: { ratio: 0.5, perSecond: 0 } } },
    steps: [call(0, "a", fails()), call(0, "b", fails()), call(0, "c", fails()), call(0, "d", [fails(), ok()])],
    log: [
      "0 retry b 2 of 2 in 100, Error boom",
      "0 retry d 2 of 2 in 100, Error boom",
      "0 a 1 begins",
      "0 b 1 begins",
      "0 c 1 begins",
      "0 d 1 begins",
      "0 a fails with Error boom",
      "0 c fails with Error boom",
      "100 b 2 begins",
      "100 d 2 begins",
      "100 b fails with Error boom",
      "100 d gets ok"
    ],
    state: { calls: 4, successes: 1, failures: 3, attempts: 6, retries: 2, retried: 2, recovered: 1, exhausted: 1 }
  },
  {
    title: "ends with the last real error when the breaker opens, and waits for nothing then",
    policy: { retry, breaker: { failures: 2, openFor: 1000 } },
    steps: [call(0, "a", fails())],
    log: [
      "0 retry a 2 of 4 in 100, Error boom",
      "0 a 1 begins",
      "100 breaker closed to open, failures",
      "100 a 2 begins",
      "100 a fails with Error boom"
    ],
    state: { breaker: "open", calls: 1, failures: 1, attempts: 2, retries: 1, retried: 1, exhausted: 1, openings: 1 }
  },
  {
    title: "ends with the last real error when another call has opened the breaker meanwhile",
    policy: { retry, breaker: { failures: 2, openFor: 1000 } },
    steps: [call(0, "a", fails()), call(50, "b", fails())],
    log: [
      "0 retry a 2 of 4 in 100, Error boom",
      "0 a 1 begins",
      "50 breaker closed to open, failures",
      "50 b 1 begins",
      "50 b fails with Error boom",
      "100 a fails with Error boom"
    ],
    state: { breaker: "open", calls: 2, failures: 2, attempts: 2, retries: 1, retried: 1, exhausted: 1, openings: 1 }
  }
]
