import type { Story } from "../table.ts"
import { abort, call, chaos, fails, hangs, isolate, ok, status, update } from "../trace.ts"

const retry = { times: 1, base: 100, jitter: "none", budget: false } as const

/** Something else to give, changes while it runs, and faults on purpose. */
export const living: ReadonlyArray<Story> = [
  {
    title: "gives something else in place of an error and of a rejection, and nothing to who has left",
    policy: { timeout: 1000, retry },
    steps: [
      call(0, "a", fails(), { fallback: true }), call(10, "b", ok(), { fallback: true }), call(500, "c", hangs, { fallback: true }), abort(510, "c"),
      isolate(600), call(610, "d", ok(), { fallback: true })
    ],
    log: [
      "0 retry a 2 of 2 in 100, Error boom",
      "0 a 1 begins",
      "10 b 1 begins",
      "10 b gets ok",
      "100 a 2 begins",
      "100 fallback a, Error boom",
      "100 a gets instead",
      "500 c 1 begins",
      "510 c 1 is told to stop",
      "510 c leaves",
      "600 breaker closed to isolated, isolated",
      "610 reject d, BreakerOpenError",
      "610 fallback d, BreakerOpenError",
      "610 d gets instead"
    ],
    state: { breaker: "isolated", calls: 4, successes: 1, failures: 1, attempts: 4, retries: 1, retried: 1, exhausted: 1, rejected: 1, aborted: 1, fallbacks: 2 }
  },
  {
    title: "gives a bad answer as it is: a fallback is for errors",
    policy: { retry: false },
    steps: [call(0, "a", status(503), { fallback: true })],
    log: [
      "0 a 1 begins",
      "0 a gets status 503"
    ],
    state: { calls: 1, failures: 1, attempts: 1 }
  },
  {
    title: "takes other options from the next call on, and leaves calls in flight theirs",
    policy: { timeout: 100, breaker: { failures: 3 } },
    steps: [call(0, "a", hangs), update(10, { timeout: 30 }), call(20, "b", hangs), call(60, "c", fails()), update(70, { breaker: { failures: 1 } }), call(110, "d", ok())],
    until: 200,
    log: [
      "0 a 1 begins",
      "20 b 1 begins",
      "50 timeout b 1",
      "50 b 1 is told to stop",
      "50 b fails with CallTimeoutError",
      "60 c 1 begins",
      "60 c fails with Error boom",
      "100 timeout a 1",
      "100 breaker closed to open, failures",
      "100 a 1 is told to stop",
      "100 a fails with CallTimeoutError",
      "110 reject d, BreakerOpenError",
      "110 d fails with BreakerOpenError"
    ],
    state: { breaker: "open", calls: 4, failures: 3, attempts: 3, timeouts: 2, rejected: 1, openings: 1 }
  },
  {
    title: "lets in who waits when the bulkhead is made wider, or turned off",
    policy: { timeout: 1000, bulkhead: { concurrency: 1, queue: 3 } },
    steps: [
      call(0, "a", ok(100)), call(1, "b", ok(100)), call(2, "c", ok(100)), call(3, "d", ok(100)),
      update(10, { bulkhead: { concurrency: 2, queue: 3 } }), update(20, { bulkhead: false })
    ],
    log: [
      "0 a 1 begins",
      "10 b 1 begins",
      "20 c 1 begins",
      "20 d 1 begins",
      "100 a gets ok",
      "110 b gets ok",
      "120 c gets ok",
      "120 d gets ok"
    ],
    state: { calls: 4, successes: 4, attempts: 4 }
  },
  {
    title: "leaves a call in flight the hedge that it was promised, in a race like any other",
    policy: { hedge: { delay: 40 } },
    steps: [call(0, "a", ok(50)), update(10, { hedge: false }), call(20, "b", ok(50))],
    log: [
      "0 a 1 begins",
      "20 b 1 begins",
      "40 hedge a 2",
      "40 a 2 begins",
      "50 a 2 is told to stop",
      "50 a gets ok",
      "70 b gets ok"
    ],
    state: { calls: 2, successes: 2, attempts: 3, hedges: 1 }
  },
  {
    title: "takes its own word for what an outcome means",
    policy: { retry, breaker: { failures: 1 }, classify: (value, ok) => ok && (value as { readonly status?: number }).status === 404 ? "transient" : !ok ? "permanent" : undefined },
    steps: [call(0, "a", fails()), call(1, "b", status(404))],
    log: [
      "0 a 1 begins",
      "0 a fails with Error boom",
      "1 breaker closed to open, failures",
      "1 b 1 begins",
      "1 b gets status 404"
    ],
    state: { breaker: "open", calls: 2, failures: 2, attempts: 2, openings: 1 }
  },
  {
    title: "plays faults by a script: one for each attempt, and then none any more",
    policy: { timeout: 1000, attemptTimeout: 200, retry: { ...retry, times: 2 }, bulkhead: { concurrency: 1 } },
    steps: [
      chaos(0, [{ error: "chaos" }, { latency: 50 }, "hang", { error: "late", latency: 10 }, "pass"]),
      call(0, "a", ok(10)), call(1000, "b", ok(10)), call(2000, "c", ok(10))
    ],
    log: [
      "0 retry a 2 of 3 in 100, chaos",
      "150 a 2 begins",
      "160 a gets ok",
      "1200 timeout b 1",
      "1200 retry b 2 of 3 in 100, CallTimeoutError",
      "1310 retry b 3 of 3 in 200, late",
      "1510 b 3 begins",
      "1520 b gets ok",
      "2000 c 1 begins",
      "2010 c gets ok"
    ],
    state: { calls: 3, successes: 3, attempts: 6, retries: 3, retried: 2, recovered: 2, timeouts: 1 }
  },
  {
    title: "plays the parts of the policy too, which then count nothing against the dependency",
    policy: { breaker: { failures: 1 } },
    steps: [
      chaos(0, [{ reject: "breaker" }, { reject: "bulkhead" }, { reject: "rate-limit" }]),
      call(0, "a", ok()), call(1, "b", ok()), call(2, "c", ok()), call(3, "d", ok())
    ],
    log: [
      "0 reject a, BreakerOpenError",
      "0 a fails with BreakerOpenError",
      "1 reject b, BulkheadFullError",
      "1 b fails with BulkheadFullError",
      "2 reject c, RateLimitedError",
      "2 c fails with RateLimitedError",
      "3 d 1 begins",
      "3 d gets ok"
    ],
    state: { calls: 4, successes: 1, attempts: 1, rejected: 3 }
  },
  {
    title: "ends with its caller what chaos holds up, and begins nothing afterwards",
    policy: { timeout: 1000, bulkhead: { concurrency: 1 } },
    steps: [chaos(0, [{ latency: 500 }]), call(0, "a", ok()), abort(100, "a"), call(100, "b", ok())],
    log: [
      "100 b 1 begins",
      "100 a leaves",
      "100 b gets ok"
    ],
    state: { calls: 2, successes: 1, attempts: 2, aborted: 1 }
  }
]
