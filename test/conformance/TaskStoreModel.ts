/**
 * Random interleavings of what several workers and their hosts do, late and wrong writes included, against any `TaskStore`:
 * each answer is compared with `Places`, and in the end each task.
 */
import { assert, describe, it } from "vitest"
import fc from "fast-check"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Option from "effect/Option"
import { TaskStore } from "@outrigger/sdk"
import { type Hand, Places } from "./taskPlaces.ts"

const lease = 600_000
const anHour = 3_600_000
const failure = { name: "Error", message: "boom" }

/** A number stands for one of whatever there is at that moment. */
const pick = fc.nat(1000)
const settlements = ["Succeed", "Die", "Retry", "HandBack"] as const

const steps = {
  enqueue: fc.array(fc.record({
    priority: fc.constantFrom(0, 5, 9),
    delay: fc.constantFrom(0, 0, 0, anHour),
    uniqueKey: fc.option(fc.constantFrom("u1", "u2"), { nil: undefined, freq: 2 }),
    idempotencyKey: fc.option(fc.constantFrom("i1", "i2", "i3"), { nil: undefined, freq: 2 })
  }), { minLength: 1, maxLength: 4 }),
  claim: fc.record({ worker: pick, limit: fc.integer({ min: 1, max: 4 }) }),
  /** By the worker of some claim, current or long ago; now and then by another. */
  settle: fc.array(fc.record({ hand: pick, as: fc.option(pick, { nil: undefined, freq: 6 }), what: fc.constantFrom(...settlements), delay: fc.constantFrom(0, 0, anHour) }), { minLength: 1, maxLength: 3 }),
  progress: fc.record({ hand: pick }),
  expire: fc.record({ worker: pick }),
  leave: fc.record({ worker: pick }),
  cancel: fc.record({ task: pick }),
  redrive: fc.record({ task: pick })
} as const

type Steps = { readonly [K in keyof typeof steps]: (typeof steps)[K] extends fc.Arbitrary<infer A> ? A : never }
type Step = { readonly [K in keyof Steps]: { readonly kind: K; readonly input: Steps[K] } }[keyof Steps]

const weights = { enqueue: 4, claim: 6, settle: 5, progress: 1, expire: 1, leave: 1, cancel: 1, redrive: 2 }
const anyStep = fc.oneof(...Object.entries(steps).map(([kind, input]) => ({
  weight: weights[kind as keyof Steps], arbitrary: fc.record({ kind: fc.constant(kind), input: input as fc.Arbitrary<unknown> }) as fc.Arbitrary<Step>
})))

let runs = 0

/** One run, in a queue and with keys of its own, so that all runs share one store. */
class Run {
  private readonly store: TaskStore.Service
  private readonly route: TaskStore.Route
  private readonly places = new Places()
  private readonly workers: Array<string> = []
  private readonly hands: Array<Hand> = []
  private readonly tasks: Array<string> = []

  constructor(store: TaskStore.Service) {
    this.store = store
    this.route = { name: "step", version: 1, queue: `run-${++runs}` }
  }

  readonly begin = Effect.suspend(() => Effect.forEach([0, 1, 2], (index) => this.join(index)))

  private join(index: number) {
    return Effect.map(this.store.register({ name: "stepper", lease }), (id) => { this.workers[index] = id })
  }

  /** Undefined while there is none. */
  private one<A>(all: ReadonlyArray<A>, picked: number): A | undefined {
    return all[picked % Math.max(1, all.length)]
  }

  step({ input, kind }: Step): Effect.Effect<unknown, unknown> {
    return (this[kind] as (input: Step["input"]) => Effect.Effect<unknown, unknown>)(input)
  }

  enqueue(inputs: Steps["enqueue"]): Effect.Effect<void, unknown> {
    const own = (key: string | undefined) => key === undefined ? undefined : `${this.route.queue} ${key}`
    const tasks = inputs.map((input): TaskStore.NewTask => ({
      ...this.route, ...input, payload: 1, uniqueKey: own(input.uniqueKey), idempotencyKey: own(input.idempotencyKey)
    }))
    return Effect.map(this.store.enqueue(tasks), (answers) => answers.forEach(({ duplicate, id }, index) => {
      const known = this.places.known(tasks[index]!)
      assert.deepStrictEqual({ duplicate, id }, { duplicate: known !== undefined, id: known ?? id })
      if (!duplicate) assert.notInclude(this.tasks, id)
      this.places.add(id, tasks[index]!)
      if (!duplicate) this.tasks.push(id)
    }))
  }

  /** A store may miss what has just come; asked again and again, it may not. */
  claim({ limit, worker: picked }: Steps["claim"], again = 50): Effect.Effect<void, unknown> {
    const worker = this.one(this.workers, picked)!
    return Effect.flatMap(this.store.claim({ worker, routes: [this.route], limit }), (claimed) => {
      assert.isUndefined(this.places.claim(worker, limit, claimed))
      for (const { fence, id } of claimed) this.hands.push({ worker, id, fence })
      if (claimed.length > 0 || this.places.line.size === 0) return Effect.void
      assert.isAbove(again, 0, `nothing came of a line of ${this.places.line.size}`)
      return Effect.andThen(this.store.upkeep, this.claim({ limit, worker: picked }, again - 1))
    })
  }

  settle(inputs: Steps["settle"]): Effect.Effect<void, unknown> {
    const chosen = inputs.flatMap(({ hand, ...input }) => {
      const found = this.one(this.hands, hand)
      return found === undefined ? [] : [{ ...input, hand: found }]
    })
    if (chosen.length === 0) return Effect.void
    const worker = chosen[0]!.as === undefined ? chosen[0]!.hand.worker : this.one(this.workers, chosen[0]!.as)!
    const once = chosen.filter(({ hand }, index) => chosen.findIndex((other) => other.hand.id === hand.id) === index)
    const all = once.map(({ delay, hand: { fence, id }, what }): TaskStore.Settlement => {
      switch (what) {
        case "Succeed": return { _tag: what, id, fence, result: fence }
        case "Die": return { _tag: what, id, fence, failure }
        case "Retry": return { _tag: what, id, fence, delay, failure }
        case "HandBack": return { _tag: what, id, fence, delay, reason: "" }
      }
    })
    return Effect.map(this.store.settle(worker, all), (ids) =>
      assert.sameMembers([...ids], [...this.places.settle(worker, all)]))
  }

  progress({ hand: picked }: Steps["progress"]): Effect.Effect<void, unknown> {
    const hand = this.one(this.hands, picked)
    if (hand === undefined) return Effect.void
    return Effect.map(this.store.progress(hand.worker, { ...hand, ratio: 0.5, text: "half" }), (shown) =>
      assert.strictEqual(shown, this.places.isHeld(hand)))
  }

  /** Its lease is over at once; the store's clock moves by itself until somebody has found out. */
  expire({ worker: picked }: Steps["expire"]): Effect.Effect<void, unknown> {
    const index = picked % this.workers.length
    const worker = this.workers[index]!
    if (this.places.heldBy(worker).length === 0) return Effect.void
    const reaped: Effect.Effect<void, unknown> = Effect.flatMap(Effect.andThen(this.store.upkeep, this.store.held(worker)), (held) =>
      held.length === 0 ? Effect.void : Effect.andThen(Effect.sleep(1), reaped))
    return Effect.gen({ self: this }, function*() {
      assert.isTrue(yield* this.store.renew(worker, 1))
      yield* reaped
      this.places.leave(worker, false)
      assert.isFalse(yield* this.store.renew(worker, lease))
      yield* this.join(index)
    })
  }

  leave({ worker: picked }: Steps["leave"]): Effect.Effect<void, unknown> {
    const index = picked % this.workers.length
    return Effect.gen({ self: this }, function*() {
      yield* this.store.deregister(this.workers[index]!)
      this.places.leave(this.workers[index]!, true)
      yield* this.join(index)
    })
  }

  cancel({ task }: Steps["cancel"]): Effect.Effect<void, unknown> {
    const id = this.one(this.tasks, task)
    if (id === undefined) return Effect.void
    return Effect.map(this.store.cancel(id), ({ state }) => {
      this.places.cancel(id)
      assert.strictEqual(state, this.places.stateOf(id))
    })
  }

  redrive({ task }: Steps["redrive"]): Effect.Effect<void, unknown> {
    const id = this.one(this.tasks, task)
    if (id === undefined) return Effect.void
    return Effect.map(this.store.redrive(id), ({ state }) => {
      this.places.redrive(id)
      assert.strictEqual(state, this.places.stateOf(id))
    })
  }

  /** Every task is where it should be, and the workers hold what they should. */
  readonly compare = Effect.suspend(() => Effect.gen({ self: this }, function*() {
    for (const id of this.tasks) {
      const { attempt, state } = Option.getOrThrow(yield* this.store.find(id))
      assert.deepStrictEqual({ id, attempt, state }, { id, attempt: this.places.attempts.get(id), state: this.places.stateOf(id) })
    }
    for (const worker of this.workers) {
      const held = (yield* this.store.held(worker)).map(({ fence, id }) => ({ worker, id, fence }))
      assert.sameDeepMembers(held, [...this.places.heldBy(worker)])
    }
  }))
}

/** So many runs of up to 60 steps over one store. */
export const modelSuite = (name: string, layer: Layer.Layer<TaskStore.TaskStore, unknown>, numRuns: number): void => {
  describe(`${name}: whatever happens in whatever order`, () => {
    it("does as a task that is at one place at a time", async () => {
      const runtime = ManagedRuntime.make(layer)
      try {
        await fc.assert(fc.asyncProperty(fc.array(anyStep, { minLength: 10, maxLength: 60, size: "max" }), (all) =>
          runtime.runPromise(TaskStore.TaskStore.use((store) => Effect.gen(function*() {
            const run = new Run(store)
            yield* run.begin
            for (const step of all) yield* run.step(step)
            yield* run.compare
          })))), { numRuns })
      } finally {
        await runtime.dispose()
      }
    }, 120_000)
  })
}
