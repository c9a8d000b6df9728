import type { Story } from "../table.ts"
import { bug, call, calls, deaf, fails, hangs, ok } from "../trace.ts"

const hedge = { delay: 20 } as const
const retry = { times: 1, base: 100, jitter: "none", budget: false } as const

/** Another attempt beside a slow one. */
export const hedging: ReadonlyArray<Story> = [
  {
    title: "sends another when the first is slow; the first answer counts, and the loser is told to stop",
    policy: { hedge, breaker: { failures: 1 } },
    steps: [call(0, "a", [hangs, ok(10)]), call(100, "b", ok(19))],
    log: [
      "0 a 1 begins",
      "20 hedge a 2",
      "20 a 2 begins",
      "30 a 1 is told to stop",
      "30 a gets ok",
      "100 b 1 begins",
      "119 b gets ok"
    ],
    state: { calls: 2, successes: 2, attempts: 3, hedges: 1, hedgesWon: 1 }
  },
  {
    title: "sends as many as it may, the delay apart",
    policy: { hedge: { delay: 20, times: 2 } },
    steps: [call(0, "a", [ok(100), hangs, hangs])],
    log: [
      "0 a 1 begins",
      "20 hedge a 2",
      "20 a 2 begins",
      "40 hedge a 3",
      "40 a 3 begins",
      "100 a 2 is told to stop",
      "100 a 3 is told to stop",
      "100 a gets ok"
    ],
    state: { calls: 1, successes: 1, attempts: 3, hedges: 2 }
  },
  {
    title: "leaves a failure to those that still run",
    policy: { hedge, retry },
    steps: [call(0, "a", [fails(30), ok(40)])],
    log: [
      "0 a 1 begins",
      "20 hedge a 2",
      "20 a 2 begins",
      "60 a gets ok"
    ],
    state: { calls: 1, successes: 1, attempts: 2, hedges: 1, hedgesWon: 1 }
  },
  {
    title: "tries again when all have failed, and hedges anew",
    policy: { hedge, retry },
    steps: [call(0, "a", [fails(30), fails(20), hangs, ok(10)])],
    log: [
      "0 a 1 begins",
      "20 hedge a 2",
      "20 a 2 begins",
      "40 retry a 2 of 2 in 100, Error boom",
      "140 a 3 begins",
      "160 hedge a 4",
      "160 a 4 begins",
      "170 a 3 is told to stop",
      "170 a gets ok"
    ],
    state: { calls: 1, successes: 1, attempts: 4, retries: 1, retried: 1, recovered: 1, hedges: 2, hedgesWon: 1 }
  },
  {
    title: "ends at once on an answer that no repetition mends",
    policy: { hedge, retry },
    steps: [call(0, "a", [bug(30), hangs])],
    log: [
      "0 a 1 begins",
      "20 hedge a 2",
      "20 a 2 begins",
      "30 a 2 is told to stop",
      "30 a fails with TypeError bug"
    ],
    state: { calls: 1, failures: 1, attempts: 2, hedges: 1 }
  },
  {
    title: "gives each attempt its own time",
    policy: { timeout: 1000, attemptTimeout: 50, hedge },
    steps: [call(0, "a", hangs)],
    log: [
      "0 a 1 begins",
      "20 hedge a 2",
      "20 a 2 begins",
      "50 timeout a 1",
      "50 a 1 is told to stop",
      "70 timeout a 2",
      "70 a 2 is told to stop",
      "70 a fails with CallTimeoutError"
    ],
    state: { calls: 1, failures: 1, attempts: 2, hedges: 1, timeouts: 2 }
  },
  {
    title: "is sent only where there is a permit at once",
    policy: { hedge, bulkhead: { concurrency: 2, queue: 5 } },
    steps: [call(0, "a", ok(50)), call(10, "b", ok(50))],
    log: [
      "0 a 1 begins",
      "10 b 1 begins",
      "50 a gets ok",
      "60 b gets ok"
    ],
    state: { calls: 2, successes: 2, attempts: 2 }
  },
  {
    title: "is paid from the budget that retries are paid from",
    policy: { hedge, retry: { ...retry, budget: { ratio: 0.5, perSecond: 0 } } },
    steps: [call(0, "a", ok(30)), call(100, "b", [fails(40), fails(10)])],
    log: [
      "0 a 1 begins",
      "30 a gets ok",
      "100 b 1 begins",
      "120 hedge b 2",
      "120 b 2 begins",
      "140 b fails with Error boom"
    ],
    state: { calls: 2, successes: 1, failures: 1, attempts: 3, hedges: 1 }
  },
  {
    title: "takes no token of the rate for a hedge that the budget does not pay",
    policy: { hedge, rateLimit: { limit: 2, window: 1000 }, retry: { ...retry, budget: { ratio: 0, perSecond: 0 } } },
    steps: [call(0, "a", ok(50)), call(60, "b", ok())],
    log: [
      "0 a 1 begins",
      "50 a gets ok",
      "60 b 1 begins",
      "60 b gets ok"
    ],
    state: { calls: 2, successes: 2, attempts: 2 }
  },
  {
    title: "takes nothing of the budget for a hedge that has no token",
    policy: { hedge, rateLimit: { limit: 1, window: 100 }, retry: { ...retry, budget: { ratio: 0.5, perSecond: 0 } } },
    steps: [call(0, "a", ok(50)), call(100, "b", [fails(), ok()])],
    log: [
      "0 a 1 begins",
      "50 a gets ok",
      "100 retry b 2 of 2 in 100, Error boom",
      "100 b 1 begins",
      "200 b 2 begins",
      "200 b gets ok"
    ],
    state: { calls: 2, successes: 2, attempts: 3, retries: 1, retried: 1, recovered: 1 }
  },
  {
    title: "is neither sent nor paid while the breaker is open",
    policy: { hedge, breaker: { failures: 2 }, retry: { ...retry, budget: { ratio: 0.4, perSecond: 0 } } },
    steps: [
      call(0, "a", ok(50), { breakerKey: "k" }), ...calls(10, "b", 2, fails(), { breakerKey: "k", idempotent: false }), call(100, "c", [fails(), ok()])
    ],
    log: [
      "0 a 1 begins",
      "10 breaker closed to open, failures, k",
      "10 b1 1 begins",
      "10 b2 1 begins",
      "10 b1 fails with Error boom",
      "10 b2 fails with Error boom",
      "50 a gets ok",
      "100 retry c 2 of 2 in 100, Error boom",
      "100 c 1 begins",
      "200 c 2 begins",
      "200 c gets ok"
    ],
    state: { openKeys: ["k"], calls: 4, successes: 2, failures: 2, attempts: 5, retries: 1, retried: 1, recovered: 1, openings: 1 }
  },
  {
    title: "is not sent for a call that must not happen twice",
    policy: { hedge },
    steps: [call(0, "a", ok(50), { idempotent: false })],
    log: [
      "0 a 1 begins",
      "50 a gets ok"
    ],
    state: { calls: 1, successes: 1, attempts: 1 }
  },
  {
    title: "leaves a loser its permit until it has stopped",
    policy: { timeout: 1000, hedge, bulkhead: { concurrency: 2 } },
    steps: [call(0, "a", [deaf(100), ok(10)]), call(40, "b", ok(60)), call(50, "c", ok()), call(131, "d", ok())],
    log: [
      "0 a 1 begins",
      "20 hedge a 2",
      "20 a 2 begins",
      "30 a 1 is told to stop",
      "30 a gets ok",
      "40 b 1 begins",
      "50 reject c, BulkheadFullError",
      "50 c fails with BulkheadFullError",
      "100 b gets ok",
      "131 d 1 begins",
      "131 d gets ok"
    ],
    state: { calls: 4, successes: 3, attempts: 4, hedges: 1, hedgesWon: 1, rejected: 1 }
  }
]
