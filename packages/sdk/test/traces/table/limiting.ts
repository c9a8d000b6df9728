import type { Story } from "../table.ts"
import { call, calls, deaf, fails, ok } from "../trace.ts"

/** How much may run at once, and begin per time. */
export const limiting: ReadonlyArray<Story> = [
  {
    title: "lets in as many as it has permits, the others first come first served, and turns away who finds the queue full",
    policy: { bulkhead: { concurrency: 2, queue: 2 } },
    steps: calls(0, "a", 5, ok(10)),
    log: [
      "0 reject a5, BulkheadFullError",
      "0 a1 1 begins",
      "0 a2 1 begins",
      "0 a5 fails with BulkheadFullError",
      "10 a3 1 begins",
      "10 a4 1 begins",
      "10 a1 gets ok",
      "10 a2 gets ok",
      "20 a3 gets ok",
      "20 a4 gets ok"
    ],
    state: { calls: 5, successes: 4, attempts: 4, rejected: 1 }
  },
  {
    title: "turns away who has waited too long for a permit",
    policy: { timeout: 1000, bulkhead: { concurrency: 1, queue: 2, queueTimeout: 50 } },
    steps: [call(0, "a", ok(60)), call(5, "b", ok()), call(20, "c", ok())],
    log: [
      "0 a 1 begins",
      "55 reject b, BulkheadFullError",
      "55 b fails with BulkheadFullError",
      "60 c 1 begins",
      "60 a gets ok",
      "60 c gets ok"
    ],
    state: { calls: 3, successes: 2, attempts: 2, rejected: 1 }
  },
  {
    title: "ends the wait for a permit at the call's own end",
    policy: { timeout: 100, bulkhead: { concurrency: 1, queue: 1 } },
    steps: [call(0, "a", deaf(500)), call(10, "b", ok())],
    log: [
      "0 a 1 begins",
      "100 timeout a 1",
      "100 a 1 is told to stop",
      "100 a fails with CallTimeoutError",
      "110 b fails with CallTimeoutError"
    ],
    state: { calls: 2, failures: 2, attempts: 1, timeouts: 2 }
  },
  {
    title: "holds no permit while a retry waits, which ends with the last real error when there is none for it",
    policy: { bulkhead: { concurrency: 1 }, retry: { times: 1, base: 100, jitter: "none", budget: false } },
    steps: [call(0, "a", [fails(10), ok(10)]), call(50, "b", ok(20)), call(105, "c", ok(60))],
    log: [
      "0 a 1 begins",
      "10 retry a 2 of 2 in 100, Error boom",
      "50 b 1 begins",
      "70 b gets ok",
      "105 c 1 begins",
      "110 a fails with Error boom",
      "165 c gets ok"
    ],
    state: { calls: 3, successes: 2, failures: 1, attempts: 3, retries: 1, retried: 1, exhausted: 1 }
  },
  {
    title: "turns away what is over the rate, and gives back as time goes by",
    policy: { rateLimit: { limit: 2, window: 100 } },
    steps: [...calls(0, "a", 3, ok()), call(49, "b", ok()), call(50, "c", ok())],
    log: [
      "0 reject a3, RateLimitedError",
      "0 a1 1 begins",
      "0 a2 1 begins",
      "0 a1 gets ok",
      "0 a2 gets ok",
      "0 a3 fails with RateLimitedError",
      "49 reject b, RateLimitedError",
      "49 b fails with RateLimitedError",
      "50 c 1 begins",
      "50 c gets ok"
    ],
    state: { calls: 5, successes: 3, attempts: 3, rejected: 2 }
  },
  {
    title: "lets those who may wait begin one by one, and takes nobody whose deadline comes before",
    policy: { timeout: 150, rateLimit: { limit: 1, window: 60, queue: 5 } },
    steps: calls(0, "a", 4, ok()),
    log: [
      "0 reject a4, RateLimitedError",
      "0 a1 1 begins",
      "0 a1 gets ok",
      "0 a4 fails with RateLimitedError",
      "60 a2 1 begins",
      "60 a2 gets ok",
      "120 a3 1 begins",
      "120 a3 gets ok"
    ],
    state: { calls: 4, successes: 3, attempts: 3, rejected: 1 }
  },
  {
    title: "never lets more than the limit begin in any window that slides",
    policy: { rateLimit: { limit: 2, window: 100, algorithm: "sliding-window", queue: 4 } },
    steps: [call(0, "a", ok()), call(90, "b", ok()), ...calls(95, "c", 3, ok())],
    log: [
      "0 a 1 begins",
      "0 a gets ok",
      "90 b 1 begins",
      "90 b gets ok",
      "100 c1 1 begins",
      "100 c1 gets ok",
      "190 c2 1 begins",
      "190 c2 gets ok",
      "200 c3 1 begins",
      "200 c3 gets ok"
    ],
    state: { calls: 5, successes: 5, attempts: 5 }
  },
  {
    title: "takes of the rate what a call weighs, and nobody overtakes a heavy one",
    policy: { rateLimit: { limit: 2, window: 100, queue: 4 } },
    steps: [call(0, "a", ok()), call(0, "b", ok(), { weight: 2 }), call(1, "c", ok())],
    log: [
      "0 a 1 begins",
      "0 a gets ok",
      "50 b 1 begins",
      "50 b gets ok",
      "100 c 1 begins",
      "100 c gets ok"
    ],
    state: { calls: 3, successes: 3, attempts: 3 }
  },
  {
    title: "makes every attempt pass the rate, and then wait for its permit",
    policy: { rateLimit: { limit: 1, window: 50, queue: 4 }, bulkhead: { concurrency: 1, queue: 4 }, retry: { times: 1, base: 10, jitter: "none", budget: false } },
    steps: [call(0, "a", [fails(), ok(30)]), call(5, "b", ok(70))],
    log: [
      "0 retry a 2 of 2 in 10, Error boom",
      "0 a 1 begins",
      "50 b 1 begins",
      "120 a 2 begins",
      "120 b gets ok",
      "150 a gets ok"
    ],
    state: { calls: 2, successes: 2, attempts: 3, retries: 1, retried: 1, recovered: 1 }
  },
  {
    title: "spares a dependency that refuses, by chance, and sends a few all the same",
    policy: { throttle: { k: 1, minimumCalls: 2, window: 1600 } },
    chance: [0.9, 0.1],
    steps: [call(0, "a", fails()), call(1, "b", fails()), call(2, "c", fails()), call(3, "d", ok()), call(4, "e", ok())],
    log: [
      "0 a 1 begins",
      "0 a fails with Error boom",
      "1 b 1 begins",
      "1 b fails with Error boom",
      "2 c 1 begins",
      "2 c fails with Error boom",
      "3 reject d, RateLimitedError",
      "3 d fails with RateLimitedError",
      "4 e 1 begins",
      "4 e gets ok"
    ],
    state: { calls: 5, successes: 1, failures: 3, attempts: 4, rejected: 1 }
  }
]
