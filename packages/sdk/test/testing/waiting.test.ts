import { describe, expect, it } from "vitest"
import { z } from "zod"
import { createOutrigger, Queue, QueueNotFound, Snooze, Task } from "@outrigger/sdk/promise"
import { createTestKit } from "@outrigger/sdk/testing"

const order = z.object({ id: z.string() })

describe("a task whose dependency is down", () => {
  const Charge = Task.make("charge", { payload: order, needs: ["payments"] })
  const charge = Charge.handle(() => "charged")
  const options = { breaker: { failures: 1, openFor: 60_000 } } as const

  it("is left unclaimed while the breaker of the kit's outrigger is open, and says why it cannot end", async () => {
    const kit = createTestKit({ handlers: charge })
    const payments = kit.outrigger.api("payments", options)
    payments.isolate()
    const id = await kit.outrigger.enqueue(Charge, { id: "W-1" })
    expect(await kit.drain({ with: "scheduled" })).toMatchObject({ attempts: 0, handedBack: 0 })
    expect(kit.task(id)).toMatchObject({ state: "ready", attempt: 0 })
    await expect(kit.outrigger.execute(Charge, { id: "W-2" })).rejects.toThrow('it needs payments, and a breaker there is open')
    payments.restore()
    expect(await kit.drain()).toMatchObject({ succeeded: 2 })
  })

  it("is left alone by a breaker that opened by itself", async () => {
    const kit = createTestKit({ handlers: charge })
    const payments = kit.outrigger.api("payments", { ...options, retry: false })
    await payments.call(() => Promise.reject(new Error("down"))).catch(() => {})
    await kit.outrigger.enqueue(Charge, { id: "W-1" })
    expect(await kit.drain({ for: "1 hour" })).toMatchObject({ attempts: 0 })
  })

  it("asks an attached outrigger before any other of the process, and the newest of those", async () => {
    const stale = createOutrigger({ service: "an older test" })
    stale.api("payments", options).isolate()
    const own = createOutrigger({ service: "shop" })
    own.api("payments", options)
    const newer = createOutrigger({ service: "another test" })
    const kit = createTestKit({ handlers: charge })
    await kit.sidecar.enqueue(await Charge.encode({ id: "W-1" }))
    expect(await kit.drain()).toMatchObject({ succeeded: 1 }) // by `own`, newer than `stale`
    newer.api("payments", options).isolate()
    await kit.sidecar.enqueue(await Charge.encode({ id: "W-2" }))
    expect(await kit.drain()).toMatchObject({ attempts: 0 })
    const detach = kit.attach(own)
    expect(await kit.drain({ limit: 1 })).toMatchObject({ succeeded: 1 })
    detach()
    await kit.sidecar.enqueue(await Charge.encode({ id: "W-3" }))
    expect(await kit.drain()).toMatchObject({ attempts: 0 })
    await Promise.all([stale, own, newer].map((outrigger) => outrigger.close()))
  })
})

describe("a queue that is paused", () => {
  const Mail = Task.make("mail", { payload: order, queue: Queue.make("mail", {}) })

  it("keeps what waits, and lets go of it when it is resumed", async () => {
    const kit = createTestKit({ handlers: Mail.handle(() => "mailed") })
    kit.pauseQueue("mail")
    await kit.outrigger.enqueue(Mail, { id: "1" })
    expect(await kit.drain({ with: "scheduled" })).toMatchObject({ attempts: 0, unhandled: [] })
    await expect(kit.outrigger.execute(Mail, { id: "2" })).rejects.toThrow('its queue "mail" is paused')
    kit.resumeQueue("mail")
    expect(await kit.drain()).toMatchObject({ succeeded: 2 })
  })

  it("must be one that there is", () => {
    expect(() => createTestKit().pauseQueue("mial")).toThrow(QueueNotFound)
    expect(() => createTestKit().resumeQueue("mial")).toThrow(QueueNotFound)
  })
})

describe("a handler that snoozes", () => {
  it("runs again when its time has come, without an attempt spent", async () => {
    const Publish = Task.make("publish", { payload: order, retry: { times: 0 } })
    const attempts: Array<number> = []
    const publish = Publish.handle((_, { attempt }) => {
      attempts.push(attempt)
      if (attempts.length < 3) throw new Snooze("10 minutes", "still rendering")
    })
    const kit = createTestKit({ handlers: publish, now: 0 })
    const id = await kit.outrigger.enqueue(Publish, { id: "1" })
    expect(await kit.drain()).toMatchObject({ attempts: 1, handedBack: 1 })
    kit.assertEnqueued(Publish, { state: "scheduled", scheduledIn: "10 minutes" })
    expect(await kit.drain({ with: "retries" })).toMatchObject({ attempts: 2, handedBack: 1, succeeded: 1 })
    expect(attempts).toEqual([1, 1, 1])
    expect(kit.task(id)).toMatchObject({ state: "succeeded", attempt: 1 })
    expect(kit.now()).toBe(1_200_000)
  })
})

describe("tasks of one concurrencyKey", () => {
  const Sync = Task.make("sync", { payload: order, concurrencyKey: () => "tenant", retry: { times: 1, base: "10 seconds" } })

  it("run in order whatever their priority, and one that waits for its retry lets others pass", async () => {
    const seen: Array<string> = []
    const sync = Sync.handle(({ id }, { attempt }) => {
      seen.push(`${id}/${attempt}`)
      if (id === "1" && attempt === 1) throw new Error("down")
    })
    const kit = createTestKit({ handlers: sync, now: 0 })
    await kit.outrigger.enqueue(Sync, { id: "1" }, { priority: 9 })
    await kit.outrigger.enqueue(Sync, { id: "2" }, { priority: 0 })
    await kit.drain({ with: "retries" })
    expect(seen).toEqual(["1/1", "2/1", "1/2"])
  })

  it("say so where one waits for another from within its handler", async () => {
    const sync = Sync.handle(async ({ id }) => {
      if (id === "1") await kit.outrigger.execute(Sync, { id: "2" })
    })
    const kit = createTestKit({ handlers: sync, now: 0 })
    await kit.outrigger.enqueue(Sync, { id: "1" })
    const { failures } = await kit.drain()
    expect(String(failures[0]!.error)).toContain('its concurrencyKey "tenant" lets no more run at a time')
  })

  it("free their turn with a lost lease", async () => {
    const seen: Array<string> = []
    const kit = createTestKit({ handlers: Sync.handle(({ id }, { fence }) => void seen.push(`${id} under ${fence}`)), now: 0 })
    const first = await kit.outrigger.enqueue(Sync, { id: "1" })
    await kit.outrigger.enqueue(Sync, { id: "2" })
    kit.faults.deliverTwice(first)
    expect(await kit.drain()).toMatchObject({ attempts: 3, succeeded: 2, refused: 1 })
    expect(seen.toSorted()).toEqual(["1 under 1", "1 under 2", "2 under 1"])
  })
})
