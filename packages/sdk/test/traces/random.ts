/** Traces by chance. Times lie on a coarse grid, so that things meet in the same millisecond, and traces are small enough to be read. */
import * as fc from "fast-check"
import { abort, call, type CallStep, type Kind, type Options, type Reply, type Script, type Step } from "./trace.ts"

/** So many times of ten. */
const maybe = <A>(arbitrary: fc.Arbitrary<A>, often = 5): fc.Arbitrary<A | undefined> =>
  fc.oneof({ weight: 10 - often, arbitrary: fc.constant(undefined) }, { weight: often, arbitrary })

/** Longer than any trace: then a budget and a probe are exactly what their numbers say. */
const whole = 600_000

const retry = fc.record({
  times: fc.nat(3),
  base: fc.constantFrom(10, 40),
  factor: fc.constantFrom(1, 2),
  jitter: fc.constantFrom("none" as const, "full" as const, "equal" as const, "decorrelated" as const),
  maxElapsed: maybe(fc.constantFrom(100, 250), 2),
  whileResult: maybe(fc.constant((result: unknown) => result === "pending"), 3),
  budget: fc.oneof(fc.constant(false as const), fc.record({ ratio: fc.constantFrom(0, 0.5, 1), perSecond: fc.constantFrom(0, 1 / 600, 1 / 200), window: fc.constant(whole) }))
})

const breaker = fc.record({
  failures: fc.integer({ min: 1, max: 3 }),
  openFor: fc.constantFrom(50, 200),
  halfOpenCalls: fc.integer({ min: 1, max: 2 }),
  successRatio: fc.constantFrom(0.5, 1),
  probeLease: fc.constant(whole)
})

const sampling = fc.record({
  rate: fc.constantFrom(0.5, 1),
  slow: maybe(fc.constant({ over: 50, rate: 0.5 })),
  window: fc.constantFrom({ calls: 4 }, 200),
  minimumCalls: fc.constantFrom(2, 3),
  openFor: fc.constantFrom(100, { base: 50, factor: 2, max: 100 }),
  probeLease: fc.constant(whole)
})

const bulkhead = fc.record({
  concurrency: fc.integer({ min: 1, max: 3 }),
  queue: fc.nat(3),
  queueTimeout: maybe(fc.constantFrom(30, 60))
})

const rateLimit = fc.record({
  limit: fc.integer({ min: 1, max: 3 }),
  window: fc.constantFrom(60, 90),
  algorithm: fc.constantFrom("token-bucket" as const, "sliding-window" as const),
  queue: fc.nat(3),
  queueTimeout: maybe(fc.constantFrom(30, 60))
})

/** Options that are left out stay out: `undefined` would be the same, and longer to read. */
const clean = <A extends object>(options: A): A =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as A

export const policies: fc.Arbitrary<Options> = fc.record({
  timeout: maybe(fc.constantFrom(100, 300, 1000), 8),
  attemptTimeout: maybe(fc.constantFrom(30, 60, 100), 4),
  retry: maybe(retry.map(clean), 7),
  hedge: maybe(fc.record({ delay: fc.constantFrom(20, 40), times: fc.integer({ min: 1, max: 2 }) }), 3),
  breaker: maybe(fc.oneof(breaker, sampling.map(clean)), 6),
  rateLimit: maybe(rateLimit.map(clean), 3),
  bulkhead: maybe(bulkhead.map(clean)),
  throttle: maybe(fc.record({ k: fc.constantFrom(1, 2), minimumCalls: fc.constantFrom(1, 3), window: fc.constant(160) }), 2)
}).map(clean)

const kind: fc.Arbitrary<Kind> = fc.constantFrom<Kind>("ok", "ok", "ok", "fails", "fails", "pending", "bug", "refused", 503, 404)

const reply: fc.Arbitrary<Reply> = fc.record({
  kind,
  after: fc.constantFrom(0, 10, 10, 20, 30, 50, 100, Infinity),
  deaf: fc.constantFrom(0, 0, 0, 30, 200)
})

const options: fc.Arbitrary<Partial<CallStep>> = fc.record({
  idempotent: maybe(fc.constant(false), 1),
  fallback: maybe(fc.constant(true), 1),
  breakerKey: maybe(fc.constantFrom("k", "l"), 2)
}).map(clean)

const gap = fc.constantFrom(0, 0, 0, 10, 20, 30, 60, 200)

type Planned = (at: number, calls: ReadonlyArray<string>) => Step | undefined

const planned: fc.Arbitrary<Planned> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.tuple(fc.array(reply, { minLength: 1, maxLength: 4 }), options, maybe(fc.constantFrom(-10, 40, 150), 1)).map(([replies, of, left]): Planned => (at, calls) =>
      call(at, `c${calls.length + 1}`, replies, left === undefined ? of : { ...of, deadline: at + left }))
  },
  { weight: 2, arbitrary: fc.nat(9).map((n): Planned => (at, calls) => calls.length === 0 ? undefined : abort(at, calls[n % calls.length]!)) },
  { weight: 1, arbitrary: fc.constantFrom("isolate" as const, "restore" as const, "restore" as const).map((what): Planned => (at) => ({ do: what, at })) },
  {
    weight: 1,
    arbitrary: fc.oneof(
      fc.record({ timeout: fc.constantFrom(100, 500) }), fc.record({ attemptTimeout: fc.constantFrom(50, false as const) }),
      fc.record({ retry: retry.map(clean) }), fc.record({ bulkhead: bulkhead.map(clean) }), fc.record({ rateLimit: rateLimit.map(clean) }),
      fc.record({ breaker }), fc.constantFrom<Options>({ hedge: { delay: 20 } }, { hedge: false }, { bulkhead: false }, { rateLimit: false }, { breaker: false }, { retry: false })
    ).map((changed): Planned => (at) => ({ do: "update", at, options: changed }))
  },
  {
    weight: 1,
    arbitrary: fc.array(fc.constantFrom(
      "pass" as const, "hang" as const, { latency: 20 }, { error: "chaos" }, { error: "chaos", latency: 20 },
      { reject: "breaker" as const }, { reject: "bulkhead" as const }, { reject: "rate-limit" as const }
    ), { maxLength: 4 }).map((faults): Planned => (at) => ({ do: "chaos", at, faults }))
  }
)

const plan = fc.array(fc.tuple(gap, planned), { minLength: 1, maxLength: 16, size: "max" })

const chance = fc.array(fc.constantFrom(0, 0.25, 0.5, 0.75), { minLength: 1, maxLength: 4 })

/** Whoever still waits when all is said leaves. */
const stepsOf = (planned: ReadonlyArray<readonly [number, Planned]>): ReadonlyArray<Step> => {
  const steps: Array<Step> = []
  const names: Array<string> = []
  let at = 0
  for (const [gap, plan] of planned) {
    at += gap
    const step = plan(at, names)
    if (step === undefined) continue
    steps.push(step)
    if (step.do === "call") names.push(step.name)
  }
  return [...steps, ...names.map((name) => abort(at + 2000, name))]
}

const withReplies = (script: Script, change: (reply: Reply) => Reply): Script =>
  ({ ...script, steps: script.steps.map((step) => step.do === "call" ? { ...step, replies: step.replies.map(change) } : step) })

/** Of a policy that has a queue on any of its days. */
const queues = ({ policy, steps }: Script): boolean =>
  [policy, ...steps.flatMap((step) => step.do === "update" ? [step.options] : [])].some(({ bulkhead, rateLimit }) => bulkhead || rateLimit)

/** What `trace.ts` says that faces differ in does not come up. */
const alike = (script: Script): Script => {
  const prompt = script.policy.timeout === undefined ? withReplies(script, (reply) => ({ ...reply, deaf: 0 })) : script
  return queues(prompt) ? withReplies(prompt, (reply) => ({ ...reply, after: reply.after || 10 })) : prompt
}

export const scripts: fc.Arbitrary<Script> = fc.record({ policy: policies, chance, steps: plan.map(stepsOf) }).map(alike)
