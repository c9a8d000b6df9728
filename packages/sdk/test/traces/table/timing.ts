import type { Story } from "../table.ts"
import { abort, call, deaf, fails, hangs, ok } from "../trace.ts"

const retry = { times: 2, base: 100, jitter: "none", budget: false } as const

/** Ends of attempts and of calls: by time, and by whoever asked. */
export const timing: ReadonlyArray<Story> = [
  {
    title: "ends an attempt that takes too long, tells it to stop, and tries again",
    policy: { timeout: 1000, attemptTimeout: 50, retry },
    steps: [call(0, "a", [hangs, ok(49)])],
    log: [
      "0 a 1 begins",
      "50 timeout a 1",
      "50 retry a 2 of 3 in 100, CallTimeoutError",
      "50 a 1 is told to stop",
      "150 a 2 begins",
      "199 a gets ok"
    ],
    state: { calls: 1, successes: 1, attempts: 2, retries: 1, retried: 1, recovered: 1, timeouts: 1 }
  },
  {
    title: "ends the whole call at its own end, in the middle of an attempt",
    policy: { timeout: 220, attemptTimeout: 100, retry },
    steps: [call(0, "a", hangs)],
    log: [
      "0 a 1 begins",
      "100 timeout a 1",
      "100 retry a 2 of 3 in 100, CallTimeoutError",
      "100 a 1 is told to stop",
      "200 a 2 begins",
      "220 timeout a 2",
      "220 a 2 is told to stop",
      "220 a fails with CallTimeoutError"
    ],
    state: { calls: 1, failures: 1, attempts: 2, retries: 1, retried: 1, exhausted: 1, timeouts: 2 }
  },
  {
    title: "gives no answer that comes with the end, and the one that comes before it",
    policy: { timeout: 100 },
    steps: [call(0, "a", ok(100)), call(1000, "b", ok(99))],
    log: [
      "0 a 1 begins",
      "100 timeout a 1",
      "100 a 1 is told to stop",
      "100 a fails with CallTimeoutError",
      "1000 b 1 begins",
      "1099 b gets ok"
    ],
    state: { calls: 2, successes: 1, failures: 1, attempts: 2, timeouts: 1 }
  },
  {
    title: "answers in time for work that does not stop, and counts it as abandoned until it has",
    policy: { timeout: 100 },
    steps: [call(0, "a", deaf(500))],
    until: 599,
    log: [
      "0 a 1 begins",
      "100 timeout a 1",
      "100 a 1 is told to stop",
      "100 a fails with CallTimeoutError"
    ],
    state: { calls: 1, failures: 1, attempts: 1, timeouts: 1, running: 1, abandoned: 1 }
  },
  {
    title: "leaves abandoned work its permit until it has stopped",
    policy: { timeout: 100, bulkhead: { concurrency: 1 } },
    steps: [call(0, "a", deaf(500)), call(100, "b", ok()), call(599, "c", ok()), call(601, "d", ok())],
    log: [
      "0 a 1 begins",
      "100 timeout a 1",
      "100 reject b, BulkheadFullError",
      "100 a 1 is told to stop",
      "100 a fails with CallTimeoutError",
      "100 b fails with BulkheadFullError",
      "599 reject c, BulkheadFullError",
      "599 c fails with BulkheadFullError",
      "601 d 1 begins",
      "601 d gets ok"
    ],
    state: { calls: 4, successes: 1, failures: 1, attempts: 2, timeouts: 1, rejected: 2 }
  },
  {
    title: "ends at the deadline of the caller around it, which says nothing about the dependency",
    policy: { timeout: 1000, breaker: { failures: 1 } },
    steps: [call(0, "a", hangs, { deadline: 40 }), call(100, "b", hangs, { deadline: 5000 })],
    until: 1000,
    log: [
      "0 a 1 begins",
      "40 timeout a 1",
      "40 a 1 is told to stop",
      "40 a fails with CallTimeoutError",
      "100 b 1 begins"
    ],
    state: { calls: 2, failures: 1, attempts: 2, timeouts: 1, running: 1 }
  },
  {
    title: "begins nothing after the deadline of the caller around it",
    policy: { timeout: 1000 },
    steps: [call(50, "a", ok(), { deadline: 50 }), call(50, "b", ok(), { deadline: 51 })],
    log: [
      "50 b 1 begins",
      "50 a fails with CallTimeoutError",
      "50 b gets ok"
    ],
    state: { calls: 2, successes: 1, failures: 1, attempts: 1, timeouts: 1 }
  },
  {
    title: "begins no retry that the caller's deadline cannot hold",
    policy: { timeout: 1000, retry },
    steps: [call(0, "a", fails(), { deadline: 100 }), call(1000, "b", [fails(), ok()], { deadline: 1101 })],
    log: [
      "0 a 1 begins",
      "0 a fails with Error boom",
      "1000 retry b 2 of 3 in 100, Error boom",
      "1000 b 1 begins",
      "1100 b 2 begins",
      "1100 b gets ok"
    ],
    state: { calls: 2, successes: 1, failures: 1, attempts: 3, retries: 1, retried: 1, recovered: 1 }
  },
  {
    title: "forgets at once whoever leaves: in an attempt, in a wait, in a queue",
    policy: { timeout: 1000, retry, bulkhead: { concurrency: 1, queue: 1 }, breaker: { failures: 2 } },
    steps: [
      call(0, "a", fails()), abort(50, "a"), call(200, "b", hangs), call(200, "c", ok()), abort(210, "c"), abort(220, "b"), call(230, "d", ok())
    ],
    log: [
      "0 retry a 2 of 3 in 100, Error boom",
      "0 a 1 begins",
      "50 a leaves",
      "200 b 1 begins",
      "210 c leaves",
      "220 b 1 is told to stop",
      "220 b leaves",
      "230 d 1 begins",
      "230 d gets ok"
    ],
    state: { calls: 4, successes: 1, attempts: 3, retries: 1, retried: 1, aborted: 3 }
  },
  {
    title: "leaves to itself what its caller leaves and does not stop, and its permit with it",
    policy: { timeout: 1000, bulkhead: { concurrency: 1 } },
    steps: [call(0, "a", deaf(100)), abort(50, "a"), call(149, "b", ok()), call(151, "c", ok())],
    log: [
      "0 a 1 begins",
      "50 a 1 is told to stop",
      "50 a leaves",
      "149 reject b, BulkheadFullError",
      "149 b fails with BulkheadFullError",
      "151 c 1 begins",
      "151 c gets ok"
    ],
    state: { calls: 3, successes: 1, attempts: 2, rejected: 1, aborted: 1 }
  }
]
