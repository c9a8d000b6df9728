import { describe, expect, it } from "vitest"
import { z } from "zod"
import { InvalidPayload, Task } from "@outrigger/sdk/promise"
import { createTestKit } from "@outrigger/sdk/testing"

const Report = Task.make("report", { payload: z.object({ shop: z.string() }), retry: { times: 2, base: "10 seconds", jitter: "none" } })
const Mail = Task.make("mail", { payload: z.object({ to: z.string() }) })

/** A kit of one schedule of `Report`, and of when its attempts began and for which slot. */
const rig = (options: Task.ScheduleOptions, now: string, ...others: ReadonlyArray<Task.TaskSchedule>) => {
  const runs: Array<string> = []
  let failing = 0
  const report = Report.handle((_, { metadata }) => {
    runs.push(`${new Date(kit.now()).toISOString().slice(5, 16)} for ${metadata["slot"]!.slice(5, 16)}`)
    if (failing-- > 0) throw new Error("down")
  })
  const schedules = [Report.schedule("nightly", options, { shop: "paris" }), ...others]
  const kit = createTestKit({ handlers: [report, Mail.handle(() => undefined), ...schedules], now: new Date(now) })
  return { kit, runs, fail: (times: number) => { failing = times } }
}

const nightly = { cron: "30 2 * * *", timeZone: "Europe/Paris" }

describe("a schedule among the handlers", () => {
  it("fires each slot in its time while a drain goes through it", async () => {
    const { kit, runs } = rig({ every: "6 hours" }, "2030-01-01T00:00:00Z")
    expect(await kit.drain({ for: "1 day" })).toMatchObject({ attempts: 4, succeeded: 4 })
    expect(runs).toEqual(["01-01T06:00", "01-01T12:00", "01-01T18:00", "01-02T00:00"].map((slot) => `${slot} for ${slot}`))
    kit.assertEnqueued(Report, { count: 4, payload: { shop: "paris" }, metadata: { schedule: "nightly" } })
    expect(await kit.drain({ for: "1 day" })).toMatchObject({ attempts: 4 })
  })

  it("fires nothing of what lay before the kit began, and nothing by itself", async () => {
    const { kit } = rig({ every: "6 hours" }, "2030-01-01T00:00:00Z")
    for (const how of [{}, { with: "retries" }, { with: "scheduled" }, { for: "5 hours" }] as const) await kit.drain(how)
    kit.refuteEnqueued(Report)
  })

  it.each([
    ["one", ["01-04T06:30 for 01-04T06:00"]],
    ["skip", []],
    ["all", ["01-01", "01-02", "01-03", "01-04"].map((day) => `01-04T06:30 for ${day}T06:00`)]
  ] as const)("takes a clock that jumped for an outage, and catches up %s", async (catchUp, expected) => {
    const { kit, runs } = rig({ cron: "0 6 * * *", catchUp }, "2030-01-01T00:00:00Z")
    kit.advance("3 days")
    kit.advance("390 minutes")
    await kit.drain()
    expect(runs).toEqual(expected)
  })

  it("fires what came within the last minute, whatever it catches up", async () => {
    const { kit, runs } = rig({ every: "20 seconds", catchUp: "skip" }, "2030-01-01T00:00:00Z")
    kit.advance("1 minute")
    await kit.drain()
    expect(runs).toHaveLength(3)
  })

  it("keeps to the rules of where clocks are changed", async () => {
    const spring = rig(nightly, "2026-03-28T12:00:00Z", Report.schedule("quarterly", { cron: "*/15 * * * *", timeZone: "Europe/Paris" }, { shop: "all" }))
    await spring.kit.drain({ for: "1 day" })
    spring.kit.assertEnqueued(Report, { metadata: { schedule: "nightly", slot: "2026-03-29T01:00:00.000Z" } })
    expect(spring.kit.allEnqueued(Report, { metadata: { schedule: "nightly" } })).toHaveLength(1)
    expect(spring.kit.allEnqueued(Report, { metadata: { schedule: "quarterly" } })).toHaveLength(96)
    const autumn = rig(nightly, "2026-10-24T12:00:00Z")
    await autumn.kit.drain({ for: "1 day" })
    autumn.kit.assertEnqueued(Report, { count: 1, metadata: { slot: "2026-10-25T00:30:00.000Z" } })
  })

  it("fires while the clock moves on to a retry, and ends with it", async () => {
    const { fail, kit, runs } = rig({ every: "15 seconds" }, "2030-01-01T00:00:00Z")
    fail(1)
    expect(await kit.drain({ for: "15 seconds" })).toMatchObject({ retried: 1 })
    expect(await kit.drain({ with: "retries" })).toMatchObject({ attempts: 1, succeeded: 1 })
    expect(kit.now()).toBe(Date.parse("2030-01-01T00:00:25Z"))
    fail(2)
    expect(await kit.drain({ for: "5 seconds" })).toMatchObject({ retried: 1 })
    expect(await kit.drain({ with: "retries" })).toMatchObject({ retried: 1, succeeded: 3 })
    expect(runs).toHaveLength(7) // on the way to the second retry of :30 there were :45 and :60
  })

  it("fires while execute waits", async () => {
    const { kit } = rig({ every: "15 minutes" }, "2030-01-01T00:00:00Z")
    await kit.outrigger.execute(Mail, { to: "ada" }, { delay: "1 hour" })
    kit.assertEnqueued(Report, { count: 4, state: "succeeded" })
  })

  it("begins anew when the kit forgets its tasks", async () => {
    const { kit } = rig({ every: "1 hour" }, "2030-01-01T00:00:00Z")
    await kit.drain({ for: "90 minutes" })
    kit.advance("1 day")
    kit.clear()
    await kit.drain()
    kit.refuteEnqueued(Report)
    await kit.drain({ for: "30 minutes" })
    kit.assertEnqueued(Report, { count: 1, metadata: { slot: "2030-01-02T02:00:00.000Z" } })
  })

  it("is forgotten where it says so, and refused where two have one name", async () => {
    const kit = createTestKit({ handlers: [Report.schedule("nightly", { remove: true })] })
    await kit.drain({ for: "2 days" })
    expect(kit.allEnqueued()).toEqual([])
    const twice = [Report.schedule("nightly", nightly, { shop: "a" }), Mail.schedule("nightly", nightly, { to: "b" })]
    expect(() => createTestKit({ handlers: twice })).toThrow('two schedules named "nightly": give one another name')
  })

  it("tells in the first drain of a payload that only an asynchronous schema refuses", async () => {
    const Slow = Task.make("slow", { payload: z.object({ id: z.string().refine(async (id) => id !== "no") }) })
    const slow = (id: string) => createTestKit({ handlers: [Slow.schedule("slow", { every: "1 hour" }, { id })], now: 0 })
    await expect(slow("no").drain()).rejects.toBeInstanceOf(InvalidPayload)
    const kit = slow("yes")
    kit.advance("1 hour") // declared as of the kit's beginning, though its schema took a moment
    await kit.drain()
    kit.assertEnqueued(Slow, { count: 1 })
  })

  it("names what waits without a handler", async () => {
    const kit = createTestKit({ handlers: Report.schedule("nightly", { every: "1 hour" }, { shop: "paris" }), now: 0 })
    expect(await kit.drain({ for: "1 hour" })).toMatchObject({ attempts: 0, unhandled: ["report"] })
  })
})
