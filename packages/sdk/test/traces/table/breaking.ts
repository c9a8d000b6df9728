import type { Story } from "../table.ts"
import { abort, bug, call, calls, fails, hangs, isolate, ok, restore, status } from "../trace.ts"

const breaker = { failures: 2, openFor: 1000 } as const

/** What opens a breaker, what it lets through then, and what closes it. */
export const breaking: ReadonlyArray<Story> = [
  {
    title: "opens after failures in a row, rejects while open, and closes after a good probe",
    policy: { breaker },
    steps: [
      call(0, "a", fails()), call(1, "b", ok()), call(2, "c", fails()), call(3, "d", status(503)), call(4, "e", ok()), call(1002, "f", ok()), call(1003, "g", ok())
    ],
    log: [
      "0 a 1 begins",
      "0 a fails with Error boom",
      "1 b 1 begins",
      "1 b gets ok",
      "2 c 1 begins",
      "2 c fails with Error boom",
      "3 breaker closed to open, failures",
      "3 d 1 begins",
      "3 d gets status 503",
      "4 reject e, BreakerOpenError",
      "4 e fails with BreakerOpenError",
      "1002 reject f, BreakerOpenError",
      "1002 f fails with BreakerOpenError",
      "1003 breaker open to half-open, open-over",
      "1003 breaker half-open to closed, probes-succeeded",
      "1003 g 1 begins",
      "1003 g gets ok"
    ],
    state: { calls: 7, successes: 2, failures: 3, attempts: 5, rejected: 2, openings: 1 }
  },
  {
    title: "opens again when its probe fails, each time for longer, and not for longer than it may",
    policy: { breaker: { failures: 1, openFor: { base: 100, factor: 3, max: 500 } } },
    steps: [call(0, "a", fails()), call(100, "b", fails()), call(399, "c", ok()), call(400, "d", fails()), call(899, "e", ok()), call(900, "f", ok())],
    log: [
      "0 breaker closed to open, failures",
      "0 a 1 begins",
      "0 a fails with Error boom",
      "100 breaker open to half-open, open-over",
      "100 breaker half-open to open, probe-failed",
      "100 b 1 begins",
      "100 b fails with Error boom",
      "399 reject c, BreakerOpenError",
      "399 c fails with BreakerOpenError",
      "400 breaker open to half-open, open-over",
      "400 breaker half-open to open, probe-failed",
      "400 d 1 begins",
      "400 d fails with Error boom",
      "899 reject e, BreakerOpenError",
      "899 e fails with BreakerOpenError",
      "900 breaker open to half-open, open-over",
      "900 breaker half-open to closed, probes-succeeded",
      "900 f 1 begins",
      "900 f gets ok"
    ],
    state: { calls: 6, successes: 1, failures: 3, attempts: 4, rejected: 2, openings: 3 }
  },
  {
    title: "is moved by nothing that began before it opened",
    policy: { breaker: { failures: 1, openFor: 100 } },
    steps: [call(0, "a", ok(150)), call(0, "b", fails(160)), call(0, "c", fails()), call(120, "d", ok(100))],
    log: [
      "0 breaker closed to open, failures",
      "0 a 1 begins",
      "0 b 1 begins",
      "0 c 1 begins",
      "0 c fails with Error boom",
      "120 breaker open to half-open, open-over",
      "120 d 1 begins",
      "150 a gets ok",
      "160 b fails with Error boom",
      "220 d gets ok"
    ],
    state: { breaker: "half-open", calls: 4, successes: 2, failures: 2, attempts: 4, openings: 1 }
  },
  {
    title: "is not opened again, once closed, by a failure of what began before it had opened",
    policy: { breaker: { failures: 1, openFor: 100 } },
    steps: [call(0, "a", fails(160)), call(0, "b", fails()), call(120, "c", ok())],
    log: [
      "0 breaker closed to open, failures",
      "0 a 1 begins",
      "0 b 1 begins",
      "0 b fails with Error boom",
      "120 breaker open to half-open, open-over",
      "120 breaker half-open to closed, probes-succeeded",
      "120 c 1 begins",
      "120 c gets ok",
      "160 a fails with Error boom"
    ],
    state: { calls: 3, successes: 1, failures: 2, attempts: 3, openings: 1 }
  },
  {
    title: "lets through as many at once as it has probes, and closes when enough of them were good",
    policy: { breaker: { failures: 1, openFor: 100, halfOpenCalls: 3, successRatio: 0.6 } },
    steps: [call(0, "a", fails()), ...calls(100, "p", 2, ok(20)), call(100, "q", fails(10)), call(100, "r", ok())],
    log: [
      "0 breaker closed to open, failures",
      "0 a 1 begins",
      "0 a fails with Error boom",
      "100 breaker open to half-open, open-over",
      "100 reject r, BreakerOpenError",
      "100 p1 1 begins",
      "100 p2 1 begins",
      "100 q 1 begins",
      "100 r fails with BreakerOpenError",
      "110 q fails with Error boom",
      "120 breaker half-open to closed, probes-succeeded",
      "120 p1 gets ok",
      "120 p2 gets ok"
    ],
    state: { calls: 5, successes: 2, failures: 2, attempts: 4, rejected: 1, openings: 1 }
  },
  {
    title: "gives the place of a probe that says nothing to another",
    policy: { timeout: 10_000, breaker: { failures: 1, openFor: 100 } },
    steps: [call(0, "a", fails()), call(100, "b", hangs), call(150, "c", ok()), abort(160, "b"), call(170, "d", bug()), call(180, "e", ok())],
    log: [
      "0 breaker closed to open, failures",
      "0 a 1 begins",
      "0 a fails with Error boom",
      "100 breaker open to half-open, open-over",
      "100 b 1 begins",
      "150 reject c, BreakerOpenError",
      "150 c fails with BreakerOpenError",
      "160 b 1 is told to stop",
      "160 b leaves",
      "170 d 1 begins",
      "170 d fails with TypeError bug",
      "180 breaker half-open to closed, probes-succeeded",
      "180 e 1 begins",
      "180 e gets ok"
    ],
    state: { calls: 5, successes: 1, failures: 2, attempts: 4, rejected: 1, aborted: 1, openings: 1 }
  },
  {
    title: "is not kept half-open by a probe that hangs: its place is free when its lease is over",
    policy: { breaker: { failures: 1, openFor: 100, probeLease: 200 } },
    steps: [call(0, "a", fails()), call(100, "b", ok(500)), call(299, "c", ok()), call(300, "d", fails(100)), call(650, "e", ok())],
    log: [
      "0 breaker closed to open, failures",
      "0 a 1 begins",
      "0 a fails with Error boom",
      "100 breaker open to half-open, open-over",
      "100 b 1 begins",
      "299 reject c, BreakerOpenError",
      "299 c fails with BreakerOpenError",
      "300 d 1 begins",
      "400 breaker half-open to open, probe-failed",
      "400 d fails with Error boom",
      "600 b gets ok",
      "650 breaker open to half-open, open-over",
      "650 breaker half-open to closed, probes-succeeded",
      "650 e 1 begins",
      "650 e gets ok"
    ],
    state: { calls: 5, successes: 2, failures: 2, attempts: 4, rejected: 1, openings: 2 }
  },
  {
    title: "opens on a share of failures among the last calls, once there are enough of them",
    policy: { breaker: { rate: 0.5, window: { calls: 4 }, minimumCalls: 3, openFor: 100 } },
    steps: [call(0, "a", fails()), call(1, "b", fails()), call(2, "c", ok()), call(3, "d", ok())],
    log: [
      "0 a 1 begins",
      "0 a fails with Error boom",
      "1 b 1 begins",
      "1 b fails with Error boom",
      "2 breaker closed to open, rate",
      "2 c 1 begins",
      "2 c gets ok",
      "3 reject d, BreakerOpenError",
      "3 d fails with BreakerOpenError"
    ],
    state: { breaker: "open", calls: 4, successes: 1, failures: 2, attempts: 3, rejected: 1, openings: 1 }
  },
  {
    title: "opens on slow calls, good as they may be",
    policy: { breaker: { slow: { over: 50, rate: 1 }, window: { calls: 2 }, minimumCalls: 2, openFor: 100 } },
    steps: [call(0, "a", ok(50)), call(100, "b", ok(51)), call(200, "c", ok(51))],
    log: [
      "0 a 1 begins",
      "50 a gets ok",
      "100 b 1 begins",
      "151 b gets ok",
      "200 c 1 begins",
      "251 breaker closed to open, slow",
      "251 c gets ok"
    ],
    state: { breaker: "open", calls: 3, successes: 3, attempts: 3, openings: 1 }
  },
  {
    title: "counts a timeout as a failure",
    policy: { timeout: 100, breaker: { failures: 1, openFor: 100 } },
    steps: [call(0, "a", hangs)],
    until: 150,
    log: [
      "0 a 1 begins",
      "100 timeout a 1",
      "100 breaker closed to open, failures",
      "100 a 1 is told to stop",
      "100 a fails with CallTimeoutError"
    ],
    state: { breaker: "open", calls: 1, failures: 1, attempts: 1, timeouts: 1, openings: 1 }
  },
  {
    title: "has one breaker for each key, and another for those without",
    policy: { breaker: { failures: 1, openFor: 1000 } },
    steps: [
      call(0, "a", fails(), { breakerKey: "k" }), call(1, "b", ok(), { breakerKey: "k" }), call(2, "c", ok(), { breakerKey: "l" }), call(3, "d", ok())
    ],
    log: [
      "0 breaker closed to open, failures, k",
      "0 a 1 begins",
      "0 a fails with Error boom",
      "1 reject b, BreakerOpenError",
      "1 b fails with BreakerOpenError",
      "2 c 1 begins",
      "2 c gets ok",
      "3 d 1 begins",
      "3 d gets ok"
    ],
    state: { openKeys: ["k"], calls: 4, successes: 2, failures: 1, attempts: 3, rejected: 1, openings: 1 }
  },
  {
    title: "lets nothing through while it is isolated by hand, and everything when it is restored",
    policy: { breaker },
    steps: [call(0, "a", ok(100)), isolate(50), call(60, "b", ok()), call(60, "c", ok(), { breakerKey: "k" }), restore(5000), call(5001, "d", ok())],
    log: [
      "0 a 1 begins",
      "50 breaker closed to isolated, isolated",
      "60 reject b, BreakerOpenError",
      "60 reject c, BreakerOpenError",
      "60 b fails with BreakerOpenError",
      "60 c fails with BreakerOpenError",
      "100 a gets ok",
      "5000 breaker isolated to closed, restored",
      "5001 d 1 begins",
      "5001 d gets ok"
    ],
    state: { calls: 4, successes: 2, attempts: 2, rejected: 2 }
  },
  {
    title: "tells of everything and rejects nothing while it only observes",
    policy: { breaker: { failures: 1, openFor: 100, observe: true } },
    steps: [call(0, "a", fails()), call(1, "b", ok()), call(100, "c", ok())],
    log: [
      "0 breaker closed to open, failures",
      "0 a 1 begins",
      "0 a fails with Error boom",
      "1 b 1 begins",
      "1 b gets ok",
      "100 breaker open to half-open, open-over",
      "100 breaker half-open to closed, probes-succeeded",
      "100 c 1 begins",
      "100 c gets ok"
    ],
    state: { calls: 3, successes: 2, failures: 1, attempts: 3, openings: 1, wouldHaveRejected: 1 }
  },
  {
    title: "rejects before the bulkhead, whose queue nobody enters in vain",
    policy: { timeout: 5000, breaker: { failures: 1, openFor: 1000 }, bulkhead: { concurrency: 1, queue: 5 } },
    steps: [call(0, "a", fails(20)), call(10, "b", ok(10)), call(30, "c", ok())],
    log: [
      "0 a 1 begins",
      "20 breaker closed to open, failures",
      "20 reject b, BreakerOpenError",
      "20 a fails with Error boom",
      "20 b fails with BreakerOpenError",
      "30 reject c, BreakerOpenError",
      "30 c fails with BreakerOpenError"
    ],
    state: { breaker: "open", calls: 3, failures: 1, attempts: 1, rejected: 2, openings: 1 }
  }
]
