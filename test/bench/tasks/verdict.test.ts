import { assert, describe, it } from "vitest"
import { runUntil } from "./runUntil.ts"
import { type Handle, plain, type Queue, type Shape, specOf } from "./queue.ts"
import { countFault, rateOf, stallFault } from "./verdict.ts"

describe("the counts of a drain", () => {
  it("are right when every task is done once", () => {
    assert.isUndefined(countFault({ enqueued: 100, succeeded: 100, stored: 100, waiting: 0 }))
  })

  it.each([
    ["a task is lost", { enqueued: 100, succeeded: 99, stored: 99, waiting: 0 }, "of 100 tasks 99 are done and 0 wait"],
    ["a task is stored twice", { enqueued: 100, succeeded: 101, stored: 101, waiting: 0 }, "of 100 tasks 101 are done and 0 wait"],
    ["a task runs twice", { enqueued: 100, succeeded: 101, stored: 100, waiting: 0 }, "101 handlers succeeded, but 100 tasks are stored as done"],
    ["an end is lost", { enqueued: 100, succeeded: 100, stored: 99, waiting: 1 }, "100 handlers succeeded, but 99 tasks are stored as done"],
    ["a task is stored that never ran", { enqueued: 100, succeeded: 59, stored: 60, waiting: 40 }, "59 handlers succeeded, but 60 tasks are stored as done"]
  ])("say so when %s", (_, counts, fault) => {
    assert.strictEqual(countFault(counts), fault)
  })

  it("allow a runner that was stopped half-way what it could not store", () => {
    assert.isUndefined(countFault({ enqueued: 100, succeeded: 61, stored: 60, waiting: 40 }))
  })
})

describe("the clock of a drain", () => {
  it("counts from the first that began to the last that was stored, without what came before", () => {
    const ran = [{ from: 1000, before: 10, to: 2500 }, { from: 1500, before: 0, to: 3000 }, { from: 0, before: 0, to: 9000 }]
    assert.strictEqual(rateOf(ran, 410), 200)
  })

  it("says when nothing moves any more, unless one still works", () => {
    const stuck = { capped: true, stalled: 3001, succeeded: 7 }
    assert.strictEqual(stallFault([stuck, stuck]), "nothing moved any more after 14 tasks")
    assert.isUndefined(stallFault([stuck, { ...stuck, stalled: 3000 }]))
    assert.isUndefined(stallFault([{ ...stuck, capped: false }]))
  })
})

/** Hands out its tasks in the turn in which it is started, failed ones once more. */
const memory = (tasks: number): Queue => ({
  prepare: () => Promise.reject(new Error("not needed")),
  produce: () => Promise.reject(new Error("not needed")),
  run: async (_, shape: Shape, handle: Handle) => {
    const payloads = Array.from({ length: tasks }, (_, n) => specOf(shape, n).payload)
    for (const payload of payloads.filter((one) => !handle(one))) handle(payload)
    return { stop: async () => {}, close: async () => {} }
  }
})

const never = new Promise<void>(() => {})
const order = { _tag: "Run", shape: plain, before: 0, tasks: 10, capMillis: 60_000 } as const

describe("a runner with a clock", () => {
  it("is over when the last task is done, and leaves out those before", async () => {
    const { before, capped, from, succeeded, to } = await runUntil(memory(10), "", { ...order, before: 4 }, never, () => {})
    assert.deepStrictEqual({ before, capped, succeeded }, { before: 4, capped: false, succeeded: 10 })
    assert.isTrue(from > 0 && from <= to)
  })

  it("counts a task that failed once when it succeeds", async () => {
    const { succeeded } = await runUntil(memory(10), "", { ...order, shape: { ...plain, failing: true } }, never, () => {})
    assert.strictEqual(succeeded, 10)
  })

  it("is over when it is told so, though tasks are left", async () => {
    const { succeeded } = await runUntil(memory(10), "", { ...order, tasks: 20 }, Promise.resolve(), () => {})
    assert.strictEqual(succeeded, 10)
  })

  it("is over when its time is, and says for how long nothing moved", async () => {
    const { capped, succeeded } = await runUntil(memory(10), "", { ...order, tasks: 20, capMillis: 1 }, never, () => {})
    assert.deepStrictEqual({ capped, succeeded }, { capped: true, succeeded: 10 })
  })
})

describe("the tasks of a case", () => {
  it("are spread over routes and priorities evenly", () => {
    const specs = Array.from({ length: 400 }, (_, n) => specOf({ ...plain, routes: 20, priorities: 10 }, n))
    const lanes = Map.groupBy(specs, ({ priority, route }) => `${route} ${priority}`)
    assert.strictEqual(lanes.size, 200)
    assert.isTrue([...lanes.values()].every(({ length }) => length === 2))
  })

  it("stand half behind keys, all keys alike", () => {
    const keys = Array.from({ length: 4000 }, (_, n) => specOf({ ...plain, keys: 1000 }, n).key).filter((key) => key !== undefined)
    assert.strictEqual(keys.length, 2000)
    assert.strictEqual(new Set(keys).size, 1000)
  })
})
