import { assert, describe, it } from "vitest"
import { z } from "zod"
import { InvalidOption, InvalidPayload, type StandardSchema, Task } from "@outrigger/sdk/promise"

const Charge = Task.make("charge", { payload: z.object({ shop: z.string() }), queue: "money", version: 3, priority: 2, uniqueKey: ({ shop }) => shop })

describe("Task.schedule", () => {
  it("is what a worker declares: rule and task", async () => {
    const nightly = Charge.schedule("nightly", { cron: "0 3 * * *", timeZone: "Europe/Paris", catchUp: "all" }, { shop: "paris" })
    assert.isTrue(Task.isTaskSchedule(nightly))
    assert.isFalse(Task.isTaskHandler(nightly))
    assert.deepStrictEqual(await nightly.declaration(), {
      name: "nightly",
      rule: { rhythm: { cron: "0 3 * * *", timeZone: "Europe/Paris" }, catchUp: "all" },
      task: await Charge.encode({ shop: "paris" })
    })
    const often = await Charge.schedule("often", { every: "5 minutes" }, { shop: "paris" }).declaration()
    assert.deepInclude(often, { rule: { rhythm: { every: 300_000 }, catchUp: "one" } })
  })

  it("is what a worker declares to be no more", async () => {
    assert.deepStrictEqual(await Charge.schedule("nightly", { remove: true }).declaration(), { name: "nightly", remove: true, task: { name: "charge" } })
  })

  it("refuses at once an expression that is wrong or never fires, a zone that is none, and a payload that does not fit", () => {
    const shop = { shop: "paris" }
    assert.throws(() => Charge.schedule("n", { cron: "61 * * * *" }, shop), InvalidOption, 'Task "charge", schedule "n": cron is "61 * * * *", but must be a cron expression: the minute "61" must be from 0 to 59')
    assert.throws(() => Charge.schedule("n", { cron: "0 0 31 2 *" }, shop), InvalidOption, "an expression that fires at some time")
    assert.throws(() => Charge.schedule("n", { cron: "0 0 * * *", timeZone: "CEST?" }, shop), InvalidOption, "an IANA time zone")
    assert.throws(() => Charge.schedule("n", { every: 10 }, shop), InvalidOption, "every is 10")
    assert.throws(() => Charge.schedule("a b", { every: 1000 }, shop), InvalidOption, "name is a b")
    assert.throws(() => Charge.schedule("n", {} as never, shop), InvalidOption, "cron is undefined, but must be given, or every in its place")
    assert.throws(() => Charge.schedule("n", { every: 1000 }, { shop: 5 as never }), InvalidPayload, "shop: ")
    const Plain = Task.make("plain", { payload: z.string() })
    assert.throws(() => Plain.schedule("n", { every: 1000 }, "a\u0000"), InvalidPayload, "NUL")
  })

  it("waits for a schema that must be waited for, and then says what it refuses", async () => {
    const payload: StandardSchema<number> = {
      "~standard": { version: 1, vendor: "test", validate: async (value) => typeof value === "number" ? { value } : { issues: [{ message: "no number" }] } }
    }
    const Slow = Task.make("slow", { payload })
    assert.deepInclude((await Slow.schedule("n", { every: 1000 }, 5).declaration()).task, { payload: 5 })
    const error = await Slow.schedule("n", { every: 1000 }, "x" as never).declaration().catch((error: unknown) => error)
    assert.instanceOf(error, InvalidPayload)
  })
})
