import { beforeEach, describe, expect, it } from "vitest"
import { z } from "zod"
import { Task } from "@outrigger/sdk/promise"
import { createTestKit, TaskAssertionError, type TestKit } from "@outrigger/sdk/testing"

const Order = z.object({ orderId: z.string(), cents: z.int(), lines: z.array(z.object({ sku: z.string(), at: z.date().optional() })).default([]) })
const Charge = Task.make("charge", { payload: Order, queue: "billing", uniqueKey: ({ orderId }) => orderId, concurrencyKey: ({ orderId }) => orderId })
const Mail = Task.make("mail", { payload: z.object({ to: z.string() }) })

const start = Date.parse("2030-01-01T00:00:00Z")
let kit: TestKit
beforeEach(() => {
  kit = createTestKit({ now: start })
})

const said = (run: () => unknown): string => {
  try {
    run()
  } catch (error) {
    expect(error).toBeInstanceOf(TaskAssertionError)
    expect((error as Error).name).toBe("AssertionError")
    return (error as Error).message
  }
  throw new Error("it passed")
}

describe("assertEnqueued", () => {
  it("gives the first task that fits, typed, as it is now", async () => {
    const [id] = await kit.outrigger.enqueueMany(Charge, [{ orderId: "W-1", cents: 100 }, { orderId: "W-2", cents: 100 }])
    const task = kit.assertEnqueued(Charge, { payload: { cents: 100 } })
    expect([task.id, task.payload.orderId, task.state, task.uniqueKey]).toEqual([id, "W-1", "ready", "W-1"])
  })

  it.each<readonly [string, object]>([
    ["nothing but its name", {}],
    ["some fields", { payload: { orderId: "W-1" } }],
    ["fields within fields", { payload: { lines: [{ sku: "paddle" }, {}] } }],
    ["an item's date, as it was enqueued", { payload: { lines: [{ at: new Date(start) }, {}] } }],
    ["a predicate", { payload: ({ cents }: { readonly cents: number }) => cents > 1000 }],
    ["a matcher of the test runner", { payload: { orderId: expect.stringMatching(/^W-/), lines: expect.any(Array) } }],
    ["a field that must not be there", { payload: { coupon: undefined } }],
    ["its queue, priority and state", { queue: "billing", priority: 2, state: "scheduled" }],
    ["one entry of its metadata", { metadata: { tenant: "north" } }],
    ["its keys", { idempotencyKey: "k1", uniqueKey: "W-1", concurrencyKey: "W-1" }],
    ["when it is due, from now", { scheduledIn: "10 minutes" }],
    ["when it is due, within a second", { scheduledIn: 601_000 }],
    ["when it is due, as a date", { scheduledAt: new Date(start + 600_000) }],
    ["how many", { count: 1 }]
  ])("can be asked for %s", async (_, expected) => {
    await kit.outrigger.enqueue(
      Charge, { orderId: "W-1", cents: 4200, lines: [{ sku: "paddle", at: new Date(start) }, { sku: "canoe" }] },
      { priority: 2, delay: "10 minutes", metadata: { tenant: "north", user: "ada" }, idempotencyKey: "k1" }
    )
    kit.assertEnqueued(Charge, expected)
    expect(kit.allEnqueued(Charge, expected)).toHaveLength(1)
    expect(said(() => kit.refuteEnqueued(Charge, expected))).toContain('1 task "charge" was enqueued and should not be')
  })

  it("counts the time from the kit's clock", async () => {
    await kit.outrigger.enqueue(Mail, { to: "ada" }, { delay: "10 minutes" })
    kit.advance("9 minutes")
    kit.assertEnqueued(Mail, { scheduledIn: "1 minute" })
    kit.refuteEnqueued(Mail, { scheduledIn: "10 minutes" })
  })

  it("says what there is, the nearest first, beside what was asked for", async () => {
    await kit.outrigger.enqueue(Charge, { orderId: "W-9", cents: 5 })
    await kit.outrigger.enqueue(Charge, { orderId: "W-2", cents: 100 }, { delay: "1 hour", metadata: { tenant: "north" } })
    await kit.outrigger.enqueueMany(Mail, [{ to: "ada" }, { to: "bob" }])
    expect(said(() => kit.assertEnqueued(Charge, {
      payload: { orderId: "W-1", cents: 100 }, queue: "billing", scheduledIn: "1 hour", metadata: { tenant: "north" }
    }))).toBe(`No task "charge" fits; 2 were enqueued:

  task 2, scheduled: {"orderId":"W-2","cents":100}
                       asked for                   enqueued
    ≠ payload.orderId  "W-1"                       "W-2"
    = payload.cents    100                         100
    = queue            "billing"                   "billing"
    = metadata.tenant  "north"                     "north"
    = scheduledAt      "2030-01-01T01:00:00.000Z"  "2030-01-01T01:00:00.000Z"

  task 1, ready: {"orderId":"W-9","cents":5}
                       asked for                   enqueued
    ≠ payload.orderId  "W-1"                       "W-9"
    ≠ payload.cents    100                         5
    = queue            "billing"                   "billing"
    ≠ metadata.tenant  "north"                     nothing
    ≠ scheduledAt      "2030-01-01T01:00:00.000Z"  "2030-01-01T00:00:00.000Z"

Enqueued too: 2 of "mail"`)
  })

  it("says what was asked for when there is none of the kind, and what there is instead", async () => {
    await kit.outrigger.enqueueMany(Mail, [{ to: "ada" }, { to: "bob" }])
    expect(said(() => kit.assertEnqueued(Charge, { payload: { cents: 100 }, scheduledAt: start }))).toBe(`No task "charge" was enqueued.

  asked for
    payload      {"cents":100}
    scheduledAt  "2030-01-01T00:00:00.000Z"

Enqueued too: 2 of "mail"`)
  })

  it("says that there is nothing at all", () => {
    expect(said(() => kit.assertEnqueued(Charge))).toBe('No task "charge" was enqueued.\n\nNothing else was enqueued either.')
  })

  it("shows a predicate as it is written, beside the whole payload, and cuts what is long", async () => {
    await kit.outrigger.enqueue(Mail, { to: `${"a".repeat(200)}` })
    const message = said(() => kit.assertEnqueued(Mail, { payload: ({ to }) => to === "ada" }))
    expect(message).toContain('≠ payload  ({ to }) => to === "ada"')
    expect(message).toContain(`{"to":"${"a".repeat(72)}…`)
  })

  it.each<readonly [string, number, string]>([
    ["too few", 3, '3 tasks "mail" that fit were asked for, but 2 of 2 do:'],
    ["too many", 1, '1 task "mail" that fit was asked for, but 2 of 2 do:']
  ])("says of %s how many there are", async (_, count, head) => {
    await kit.outrigger.enqueueMany(Mail, [{ to: "ada" }, { to: "bob" }])
    expect(said(() => kit.assertEnqueued(Mail, { count }))).toBe(`${head}\n\n  task 1, ready: {"to":"ada"}\n\n  task 2, ready: {"to":"bob"}`)
  })

  it("shows five tasks, and how many more there are", async () => {
    await kit.outrigger.enqueueMany(Mail, Array.from({ length: 8 }, (_, index) => ({ to: `u${index}` })))
    const message = said(() => kit.assertEnqueued(Mail, { queue: "other" }))
    expect(message.match(/task \d+, ready/g)).toHaveLength(5)
    expect(message).toContain("  and 3 more")
  })

  it("shows arrays of another length whole, item by item otherwise", async () => {
    await kit.outrigger.enqueue(Charge, { orderId: "W-1", cents: 1, lines: [{ sku: "canoe" }] })
    expect(said(() => kit.assertEnqueued(Charge, { payload: { lines: [] } }))).toContain('≠ payload.lines  []         [{"sku":"canoe"}]')
    expect(said(() => kit.assertEnqueued(Charge, { payload: { lines: [{ sku: "paddle" }] } }))).toContain('≠ payload.lines[0].sku  "paddle"   "canoe"')
  })

  it.each<readonly [string, object, string]>([
    ["a field that is misspelt", { payloads: {} }, 'A task has no "payloads" to ask for: ask for payload, queue,'],
    ["a count of none", { count: 0 }, "count is 0, but must be a whole number from 1: to ask for none, refuteEnqueued"],
    ["a date that is none", { scheduledAt: new Date("soon") }, "scheduledAt is Invalid Date, but must be a date"],
    ["a duration that is none", { scheduledIn: "soon" }, 'scheduledIn is "soon", but must be milliseconds or a duration such as "10 minutes"']
  ])("refuses %s", (_, expected, message) => {
    expect(() => kit.assertEnqueued(Mail, expected)).toThrow(message)
  })
})

describe("refuteEnqueued", () => {
  it("passes when none fits", async () => {
    kit.refuteEnqueued(Mail)
    await kit.outrigger.enqueue(Mail, { to: "ada" })
    kit.refuteEnqueued(Mail, { payload: { to: "bob" } })
    kit.refuteEnqueued(Charge)
  })

  it("shows what should not be there", async () => {
    await kit.outrigger.enqueueMany(Mail, [{ to: "ada" }, { to: "bob" }])
    expect(said(() => kit.refuteEnqueued(Mail))).toBe('2 tasks "mail" were enqueued and should not be:\n\n  task 1, ready: {"to":"ada"}\n\n  task 2, ready: {"to":"bob"}')
    expect(said(() => kit.refuteEnqueued(Mail, { payload: { to: "bob" } }))).toBe(`1 task "mail" was enqueued and should not be:

  task 2, ready: {"to":"bob"}
                  asked for  enqueued
    = payload.to  "bob"      "bob"`)
  })
})

describe("allEnqueued", () => {
  it("gives every task in the order of enqueuing, or those of a kind that fit", async () => {
    await kit.outrigger.enqueue(Mail, { to: "ada" }, { priority: 9 })
    await kit.outrigger.enqueue(Charge, { orderId: "W-1", cents: 1 })
    await kit.outrigger.enqueue(Mail, { to: "bob" }, { priority: 0 })
    expect(kit.allEnqueued().map(({ id, name }) => `${id} ${name}`)).toEqual(["1 mail", "2 charge", "3 mail"])
    expect(kit.allEnqueued(Mail).map(({ payload }) => payload.to)).toEqual(["ada", "bob"])
    expect(kit.allEnqueued(Mail, { priority: 0 }).map(({ payload }) => payload.to)).toEqual(["bob"])
  })

  it("gives nothing after clear, and no id twice", async () => {
    await kit.outrigger.enqueue(Mail, { to: "ada" }, { idempotencyKey: "k" })
    kit.clear()
    expect(kit.allEnqueued()).toEqual([])
    expect(await kit.outrigger.enqueue(Mail, { to: "bob" }, { idempotencyKey: "k" })).toBe("2")
  })
})
