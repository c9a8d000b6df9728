import { beforeEach, describe, expect, it } from "vitest"
import { z } from "zod"
import { InvalidOption, Task, TaskNotFound } from "@outrigger/sdk/promise"
import { createTestKit, type TestKit } from "@outrigger/sdk/testing"

const Withdraw = Task.make("withdraw", { payload: z.object({ amount: z.int() }), retry: { times: 3, base: "10 seconds" } })

let kit: TestKit
/** Attempt, fence, and whether the signal was aborted when it ended. */
let ends: Array<readonly [attempt: number, fence: string, aborted: boolean]>
/** What the handler does in its middle. */
let middle: (context: Task.HandlerContext) => unknown

beforeEach(() => {
  ends = []
  middle = () => undefined
  kit = createTestKit({
    now: 0,
    handlers: Withdraw.handle(async (_, context) => {
      await middle(context)
      ends.push([context.attempt, context.fence, context.signal.aborted])
      return context.attempt
    })
  })
})
const enqueue = () => kit.outrigger.enqueue(Withdraw, { amount: 30 })
const turn = () => new Promise((resolve) => setImmediate(resolve))

describe("deliverTwice", () => {
  it("runs the task whole, and then once more with the smaller fence, which is refused", async () => {
    const id = await enqueue()
    kit.faults.deliverTwice(id)
    expect(await kit.drain()).toMatchObject({ attempts: 2, succeeded: 1, refused: 1, died: 0, retried: 0 })
    expect(ends).toEqual([[2, "2", false], [1, "1", false]])
    expect(kit.task(id)).toMatchObject({ state: "succeeded", result: 2, attempt: 2, fence: "2" })
  })

  it("wakes the first also when the second failed", async () => {
    const id = await enqueue()
    kit.faults.deliverTwice(id)
    middle = ({ attempt }) => { if (attempt === 2) throw new Error("boom") }
    expect(await kit.drain()).toMatchObject({ attempts: 2, retried: 1, refused: 1 })
    expect(kit.task(id)).toMatchObject({ state: "scheduled" })
    expect(await kit.drain({ with: "retries" })).toMatchObject({ succeeded: 1 })
  })

  it("shows nothing of the first one's progress", async () => {
    const id = await enqueue()
    kit.faults.deliverTwice(id)
    middle = ({ attempt, progress }) => progress(attempt / 10)
    await kit.drain()
    expect(kit.task(id).progress).toEqual({ ratio: 0.2, text: "" })
  })

  it("leaves a kill to the worker that runs it", async () => {
    kit.faults.deliverTwice(await enqueue())
    kit.faults.killWorker()
    expect(await kit.drain()).toMatchObject({ attempts: 3, succeeded: 1, refused: 2 })
    expect(ends.map(([attempt]) => attempt)).toEqual([2, 1, 3])
  })

  it("happens to that task alone, and once", async () => {
    const [other, id] = [await enqueue(), await enqueue()]
    kit.faults.deliverTwice(id)
    expect(await kit.drain()).toMatchObject({ attempts: 3, succeeded: 2, refused: 1 })
    expect(kit.task(other)).toMatchObject({ attempt: 1 })
  })
})

describe("loseLease", () => {
  it("aborts the next attempt while it runs, refuses what it gives, and runs the task again", async () => {
    const id = await enqueue()
    kit.faults.loseLease(id)
    middle = ({ attempt, signal }) => attempt > 1 ? undefined : new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()))
    expect(await kit.drain()).toMatchObject({ attempts: 2, succeeded: 1, refused: 1, failures: [] })
    expect(ends).toEqual([[1, "1", true], [2, "2", false]])
    expect(kit.task(id)).toMatchObject({ state: "succeeded", result: 2 })
  })

  it("says to the handler why", async () => {
    const id = await enqueue()
    kit.faults.loseLease(id)
    const reasons: Array<unknown> = []
    middle = ({ attempt, signal }) => attempt > 1 ? undefined : new Promise<void>((_, reject) => signal.addEventListener("abort", () => {
      reasons.push(signal.reason)
      reject(signal.reason as Error)
    }))
    expect(await kit.drain()).toMatchObject({ refused: 1, failures: [] })
    expect(reasons).toEqual([new Error("the lease was lost")])
  })

  it("refuses an attempt that was too quick to notice", async () => {
    const id = await enqueue()
    kit.faults.loseLease(id)
    expect(await kit.drain()).toMatchObject({ attempts: 2, succeeded: 1, refused: 1 })
    expect(kit.task(id)).toMatchObject({ attempt: 2, fence: "2" })
  })

  it("happens there and then while the handler runs", async () => {
    await enqueue()
    middle = ({ attempt, id }) => { if (attempt === 1) kit.faults.loseLease(id) }
    expect(await kit.drain()).toMatchObject({ attempts: 2, succeeded: 1, refused: 1 })
    expect(ends).toEqual([[1, "1", true], [2, "2", false]])
  })
})

describe("killWorker", () => {
  it("lets the next attempt do its work, and loses its outcome", async () => {
    const id = await enqueue()
    kit.faults.killWorker()
    expect(await kit.drain()).toMatchObject({ attempts: 2, succeeded: 1, refused: 1 })
    expect(ends).toEqual([[1, "1", false], [2, "2", false]])
    expect(kit.task(id)).toMatchObject({ result: 2 })
  })

  it("there and then, while a handler runs: nobody waits for it", async () => {
    await enqueue()
    let stuck = () => {}
    middle = ({ attempt }) => {
      if (attempt > 1) return undefined
      kit.faults.killWorker()
      return new Promise<void>((resolve) => { stuck = resolve })
    }
    expect(await kit.drain()).toMatchObject({ attempts: 2, succeeded: 1, refused: 1 })
    expect(ends).toEqual([[2, "2", false]])
    stuck()
    await turn()
    expect(kit.assertEnqueued(Withdraw)).toMatchObject({ result: 2, fence: "2" })
  })

  it("spends the attempt", async () => {
    await enqueue()
    for (let attempt = 1; attempt <= 3; attempt++) {
      kit.faults.killWorker()
      await kit.drain({ limit: 1 })
      kit.assertEnqueued(Withdraw, { state: "ready" })
    }
    middle = () => { throw new Error("boom") }
    expect(await kit.drain()).toMatchObject({ died: 1 })
  })
})

describe("a cancelled task", () => {
  it("interrupts its handler, whose outcome is refused", async () => {
    const id = await enqueue()
    middle = () => kit.outrigger.cancel(id)
    expect(await kit.drain()).toMatchObject({ attempts: 1, refused: 1, succeeded: 0 })
    expect(ends).toEqual([[1, "1", true]])
    expect(kit.task(id)).toMatchObject({ state: "cancelled" })
  })
})

describe("a fault", () => {
  it.each(["deliverTwice", "loseLease"] as const)("%s is refused for a task that is not there, or over", async (fault) => {
    expect(() => kit.faults[fault]("7")).toThrow(TaskNotFound)
    const id = await enqueue()
    await kit.drain()
    expect(() => kit.faults[fault](id)).toThrow(InvalidOption)
    expect(() => kit.faults[fault](id)).toThrow(`Task "withdraw": ${fault} is asked for task 1, which is succeeded, but must be asked for before the task is over`)
  })

  it("of all is a clear: what runs is aborted, and refused", async () => {
    await enqueue()
    middle = () => kit.clear()
    expect(await kit.drain()).toMatchObject({ attempts: 1, refused: 1 })
    expect(ends).toEqual([[1, "1", true]])
    expect(kit.allEnqueued()).toEqual([])
  })

  it("is forgotten by clear", async () => {
    kit.faults.deliverTwice(await enqueue())
    kit.faults.killWorker()
    kit.clear()
    await enqueue()
    expect(await kit.drain()).toMatchObject({ attempts: 1, succeeded: 1 })
  })
})
