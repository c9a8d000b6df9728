import { beforeEach, describe, expect, it, vi } from "vitest"
import { z } from "zod"
import {
  BreakerOpenError, createOutrigger, IdempotencyConflict, InvalidOption, InvalidPayload, NonRetryable, Queue, Task, TaskCancelled, TaskDead, TaskNotFound
} from "@outrigger/sdk/promise"
import { createTestKit, type TestKit } from "@outrigger/sdk/testing"

const Double = Task.make("double", {
  payload: z.object({ n: z.coerce.number() }), success: z.number(), timeout: "30 seconds", retry: { times: 2, base: "10 seconds" }
})
const Mail = Task.make("mail", { payload: z.object({ to: z.string() }), queue: "mail" })

/** What the handler of `Double` does next, attempt by attempt; after that it doubles. */
let next: Array<(context: Task.HandlerContext) => unknown>
/** Of every attempt that began. */
let seen: Array<Pick<Task.HandlerContext, "id" | "attempt" | "fence">>
let kit: TestKit

const double = Double.handle(async ({ n }, context) => {
  seen.push({ id: context.id, attempt: context.attempt, fence: context.fence })
  const step = next.shift()
  return (step === undefined ? n * 2 : await step(context)) as number
})
const fails = (error: unknown = new Error("boom")) => () => Promise.reject(error)
const mail = Mail.handle(() => undefined)
const none = { attempts: 0, succeeded: 0, retried: 0, died: 0, handedBack: 0, refused: 0, failures: [], unhandled: [] }

beforeEach(() => {
  next = []
  seen = []
  kit = createTestKit({ handlers: [double, mail], now: 0 })
})
const enqueue = (options?: Task.EnqueueOptions) => kit.outrigger.enqueue(Double, { n: 2 }, options)
const turn = () => new Promise((resolve) => setImmediate(resolve))
const hang = ({ signal }: Task.HandlerContext) => new Promise((_, reject) => {
  if (signal.aborted) reject(signal.reason as Error)
  signal.addEventListener("abort", () => reject(signal.reason as Error))
})

describe("drain", () => {
  it("does nothing when nothing is due", async () => {
    await enqueue({ delay: "1 minute" })
    expect(await kit.drain()).toEqual(none)
  })

  it("runs what is due, and says what came of it", async () => {
    const id = await enqueue()
    expect(await kit.drain()).toEqual({ ...none, attempts: 1, succeeded: 1 })
    expect(kit.task(id)).toMatchObject({ state: "succeeded", result: 4, attempt: 1 })
    expect(await kit.drain()).toEqual(none)
  })

  it("keeps every error as it was thrown, and the backoff of the task", async () => {
    const id = await enqueue()
    const error = new Error("boom")
    next = [fails(error), fails(error), fails(error)]
    expect(await kit.drain()).toEqual({ ...none, attempts: 1, retried: 1, failures: [{ id, name: "double", attempt: 1, error }] })
    kit.advance(9999)
    expect(await kit.drain()).toEqual(none)
    kit.advance(1)
    expect(await kit.drain()).toMatchObject({ retried: 1 })
    kit.advance("20 seconds")
    expect(await kit.drain()).toMatchObject({ died: 1, failures: [{ attempt: 3, error }] })
    expect(kit.task(id)).toMatchObject({ state: "dead", failure: { name: "Error", message: "boom" } })
  })

  it("lets chance be chosen for the jitter", async () => {
    kit = createTestKit({ handlers: double, now: 0, random: () => 0 })
    await enqueue()
    next = [fails()]
    await kit.drain()
    kit.assertEnqueued(Double, { scheduledAt: 5000 })
  })

  it("hands a task back when a breaker is open, its attempt unspent", async () => {
    const id = await enqueue()
    next = [fails(new BreakerOpenError("payments", undefined, "open", 60_000))]
    expect(await kit.drain()).toMatchObject({ handedBack: 1 })
    expect(kit.task(id)).toMatchObject({ state: "scheduled", attempt: 0 })
    expect(await kit.drain({ with: "retries" })).toMatchObject({ succeeded: 1 })
    expect(kit.now()).toBeGreaterThanOrEqual(60_000)
  })

  it.each<readonly [string, unknown, object]>([
    ["a NonRetryable", new NonRetryable("no"), { name: "NonRetryable", message: "no" }],
    ["what its own schema refuses", new InvalidPayload("other", []), { name: "InvalidPayload" }]
  ])("leaves a task dead at once for %s", async (_, error, failure) => {
    const id = await enqueue()
    next = [fails(error)]
    expect(await kit.drain()).toMatchObject({ died: 1 })
    expect(kit.task(id)).toMatchObject({ state: "dead", failure })
  })

  it("claims as a worker does: by priority, then in line", async () => {
    await enqueue({ priority: 9 })
    await enqueue()
    await enqueue({ priority: 0 })
    await kit.drain()
    expect(seen.map(({ id }) => id)).toEqual(["3", "2", "1"])
  })

  it("runs what tasks enqueue in turn", async () => {
    await enqueue()
    next = [async () => { await kit.outrigger.enqueue(Mail, { to: "ada" }); return 1 }]
    expect(await kit.drain()).toMatchObject({ attempts: 2, succeeded: 2 })
  })

  it("goes on through retries, and leaves alone what was never tried", async () => {
    await enqueue()
    await kit.outrigger.enqueue(Mail, { to: "ada" }, { delay: "1 hour" })
    next = [fails(), fails()]
    expect(await kit.drain({ with: "retries" })).toMatchObject({ attempts: 3, retried: 2, succeeded: 1 })
    expect(kit.now()).toBe(30_000)
    kit.assertEnqueued(Mail, { state: "scheduled" })
  })

  it("goes on with all that is scheduled, each in its time", async () => {
    const times: Array<number> = []
    next = [() => times.push(kit.now()), () => times.push(kit.now())]
    await enqueue({ delay: "2 days" })
    await enqueue({ delay: "1 day" })
    expect(await kit.drain({ with: "scheduled" })).toMatchObject({ succeeded: 2 })
    expect(times).toEqual([86_400_000, 2 * 86_400_000])
    expect(seen.map(({ id }) => id)).toEqual(["2", "1"])
  })

  it("runs what falls due at the very end of a time, and stops the clock where its attempts are used up", async () => {
    await enqueue({ delay: "10 minutes" })
    await enqueue({ delay: "10 minutes" })
    expect(await kit.drain({ for: "10 minutes", limit: 1 })).toMatchObject({ succeeded: 1 })
    await kit.drain()
    await enqueue()
    expect(await kit.drain({ for: "1 hour", limit: 1 })).toMatchObject({ succeeded: 1 })
    expect(kit.now()).toBe(600_000)
  })

  it("lets a time go by, and stands at its end", async () => {
    await enqueue({ delay: "10 minutes" })
    await enqueue({ delay: "61 minutes" })
    expect(await kit.drain({ for: "1 hour" })).toMatchObject({ succeeded: 1 })
    expect(kit.now()).toBe(3_600_000)
  })

  it("says of a task that waited too long that it died", async () => {
    const id = await enqueue({ expiresAfter: "5 minutes" })
    kit.advance("5 minutes")
    const { attempts, died, failures } = await kit.drain()
    expect([attempts, died, failures]).toMatchObject([0, 1, [{ id, attempt: 0, error: { name: "Expired" } }]])
    expect(await kit.drain()).toEqual(none)
  })

  it("lets a queue's rate pass at its pace", async () => {
    const Slow = Task.make("slow", { payload: z.object({}), queue: Queue.make("slow", { rateLimit: { limit: 2, per: "1 minute" } }) })
    const times: Array<number> = []
    kit = createTestKit({ handlers: Slow.handle(() => times.push(kit.now())), now: 0 })
    await kit.outrigger.enqueueMany(Slow, [{}, {}, {}, {}])
    expect(await kit.drain()).toMatchObject({ succeeded: 2 })
    expect(await kit.drain({ for: "15 seconds" })).toMatchObject({ succeeded: 0 })
    expect(await kit.drain({ with: "scheduled" })).toMatchObject({ succeeded: 2 })
    expect(times).toEqual([0, 0, 30_000, 60_000])
  })

  it("keeps to a queue, and to a number of attempts", async () => {
    await enqueue()
    await kit.outrigger.enqueueMany(Mail, [{ to: "ada" }, { to: "bob" }])
    expect(await kit.drain({ queue: "mail", limit: 1 })).toMatchObject({ attempts: 1 })
    expect(kit.allEnqueued().map(({ state }) => state)).toEqual(["ready", "succeeded", "ready"])
  })

  it("runs what older deployments enqueued, brought up to date", async () => {
    const Old = Task.make("greet", { payload: z.object({ name: z.string() }) })
    const New = Task.make("greet", { payload: z.object({ names: z.array(z.string()) }), version: 2, migrations: { 1: (old) => ({ names: [(old as { readonly name: string }).name] }) } })
    kit = createTestKit({ handlers: New.handle(({ names }) => names.join()) })
    const id = await kit.outrigger.enqueue(Old, { name: "Ada" })
    expect(await kit.drain()).toMatchObject({ succeeded: 1, unhandled: [] })
    expect(kit.task(id).result).toBe("Ada")
    expect(await kit.perform(Old, { name: "Bob" })).toBe("Bob")
    kit.assertEnqueued(Old)
    expect(() => kit.assertEnqueued(New)).toThrow('No task "greet" was enqueued.\n\nEnqueued too: 1 of "greet" of version 1')
  })

  it("names what it has no handler for", async () => {
    kit = createTestKit({ handlers: double })
    await kit.outrigger.enqueueMany(Mail, [{ to: "ada" }, { to: "bob" }])
    expect(await kit.drain({ with: "scheduled" })).toEqual({ ...none, unhandled: ["mail"] })
  })

  it("says of a drain that comes to no end which task it is", async () => {
    kit = createTestKit({ handlers: Mail.handle(() => kit.outrigger.enqueue(Mail, { to: "ada" })), now: 0 })
    await kit.outrigger.enqueue(Mail, { to: "ada" })
    await expect(kit.drain()).rejects.toThrow(
      'The drain has run 2000 attempts and comes to no end; the next would be task 2001 "mail". Does a handler enqueue its own task? If it should run more, give it a limit'
    )
    expect(kit.task("2001")).toMatchObject({ state: "ready", attempt: 0 })
  })

  it("keeps what a handler shows of its progress", async () => {
    const id = await enqueue()
    next = [({ progress }) => { progress(0.4, "rendering"); return 1 }]
    await kit.drain()
    expect(kit.task(id).progress).toEqual({ ratio: 0.4, text: "rendering" })
  })

  it("leaves a task dead whose result cannot be stored", async () => {
    kit = createTestKit({ handlers: Mail.handle(() => "\u0000") })
    const id = await kit.outrigger.enqueue(Mail, { to: "ada" })
    expect(await kit.drain()).toMatchObject({ died: 1 })
    expect(kit.task(id).failure).toMatchObject({ name: "InvalidResult" })
  })

  it.each<readonly [object, string]>([
    [{ with: "schedule" }, "drain: with is schedule, but must be due, retries or scheduled"],
    [{ limit: 0 }, "drain: limit is 0, but must be a whole number from 1"],
    [{ for: "soon" }, 'drain: for is "soon", but must be milliseconds or a duration such as "10 minutes"']
  ])("refuses %o", async (options, message) => {
    await expect(kit.drain(options)).rejects.toThrow(message)
  })
})

describe("perform", () => {
  it("gives the result, and tells the handler what it was told to", async () => {
    let told: Task.HandlerContext | undefined
    next = [(context) => { told = context; return 7 }]
    const given = { id: "9", attempt: 2, fence: "5", deadline: 1, metadata: { tenant: "north" } }
    const result: number = await kit.perform(Double, { n: 2 }, given)
    expect(result).toBe(7)
    expect(told).toMatchObject({ ...given, name: "double" })
    expect(kit.allEnqueued()).toEqual([])
  })

  it("tells it of a first attempt unless said", async () => {
    next = [({ attempt, deadline, fence, id, metadata, signal }) => {
      expect([id, attempt, fence, deadline, metadata, signal.aborted]).toEqual(["1", 1, "1", 30_000, {}, false])
      return 1
    }]
    await kit.perform(Double, { n: 2 })
    expect(seen).toHaveLength(1)
  })

  it("hands on a signal, and hears of progress", async () => {
    const abort = new AbortController()
    const shown: Array<unknown> = []
    next = [({ progress }) => { progress(0.5, "half"); abort.abort(); return 1 }, hang]
    await kit.perform(Double, { n: 2 }, { signal: abort.signal, progress: (...at) => shown.push(at) })
    expect(shown).toEqual([[0.5, "half"]])
  })

  it("gives the handler what a store would: JSON, and what the schema makes of it", async () => {
    expect(await kit.perform(Double, { n: "4" })).toBe(8)
    const When = Task.make("when", { payload: z.object({ at: z.union([z.date(), z.string()]) }) })
    const typed = createTestKit({ handlers: When.handle(({ at }) => ({ kind: typeof at, at: new Date(0), gone: undefined })) })
    expect(await typed.perform(When, { at: new Date(0) })).toEqual({ kind: "string", at: "1970-01-01T00:00:00.000Z" })
  })

  it("rejects with the handler's own error", async () => {
    const error = new Error("boom")
    next = [fails(error)]
    await expect(kit.perform(Double, { n: 2 })).rejects.toBe(error)
  })

  it("refuses a payload that its schema refuses, before the handler runs", async () => {
    await expect(kit.perform(Double, { n: "many" })).rejects.toBeInstanceOf(InvalidPayload)
    await expect(kit.perform(Double, { n: "many" })).rejects.toThrow('The payload of "double" was refused: n:')
    expect(seen).toEqual([])
  })

  it.each<readonly [string, unknown, string]>([
    ["its schema refuses", "many", 'The handler of "double" gave a result that its success schema refuses'],
    ["is none", undefined, 'The handler of "double" gave a result that its success schema refuses']
  ])("refuses a result that %s", async (_, result, message) => {
    next = [() => result]
    await expect(kit.perform(Double, { n: 2 })).rejects.toThrow(message)
  })

  it("refuses a result that cannot be stored", async () => {
    kit = createTestKit({ handlers: Mail.handle(() => ({ text: "\u0000" })) })
    await expect(kit.perform(Mail, { to: "ada" })).rejects.toThrow(
      'The handler of "mail" gave a result that cannot be stored: result.text holds a NUL character (U+0000), which PostgreSQL cannot store'
    )
  })

  it("says which handlers there are when there is none", async () => {
    await expect(createTestKit({ handlers: double }).perform(Mail, { to: "ada" })).rejects.toThrow(
      "The kit has no handler for task mail v1: give it one, createTestKit({ handlers: [...] }); it has double v1"
    )
  })

  it("refuses an attempt that is none", async () => {
    await expect(kit.perform(Double, { n: 2 }, { attempt: 0 })).rejects.toThrow("perform: attempt is 0, but must be a whole number from 1")
  })
})

describe("the code under test", () => {
  it("enqueues as with a store: keys, refusals, ids", async () => {
    expect(await enqueue({ idempotencyKey: "k" })).toBe(await enqueue({ idempotencyKey: "k" }))
    await expect(kit.outrigger.enqueue(Double, { n: 3 }, { idempotencyKey: "k" })).rejects.toBeInstanceOf(IdempotencyConflict)
    await expect(enqueue({ delay: -1 })).rejects.toBeInstanceOf(InvalidOption)
    await expect(kit.outrigger.task("99")).rejects.toBeInstanceOf(TaskNotFound)
    expect(() => kit.task("99")).toThrow("There is no task with id 99")
    expect(kit.allEnqueued()).toHaveLength(1)
  })

  it("enqueues JSON, which later changes do not reach", async () => {
    const When = Task.make("when", { payload: z.object({ at: z.union([z.date(), z.string()]), tags: z.array(z.string()) }) })
    const payload = { at: new Date(0), tags: ["a"] }
    await kit.outrigger.enqueue(When, payload)
    payload.tags.push("b")
    expect(kit.assertEnqueued(When).payload).toEqual({ at: "1970-01-01T00:00:00.000Z", tags: ["a"] })
  })

  it("makes its own outrigger on the kit's sidecar, which sends no reports", async () => {
    const own = createOutrigger({ service: "shop", sidecar: kit.sidecar })
    const id = await own.enqueue(Double, { n: 2 })
    expect(await own.task(id)).toMatchObject({ state: "ready" })
    await own.close()
  })

  it("has an outrigger that is attached, until it is detached", async () => {
    const shared = createOutrigger({ service: "shop" })
    const detach = kit.attach(shared)
    await shared.enqueue(Double, { n: 2 })
    kit.assertEnqueued(Double)
    const other = createTestKit()
    const detachOther = other.attach(shared)
    detach() // its turn is over: the other's goes on
    await shared.enqueue(Mail, { to: "ada" })
    other.assertEnqueued(Mail)
    detachOther()
    kit.attach(shared)()
    await shared.close()
  })

  it("rejects again for want of a sidecar once it is detached", async () => {
    const shared = createOutrigger({ service: "shop" })
    kit.attach(shared)()
    await expect(shared.enqueue(Double, { n: 2 })).rejects.toThrow("sidecar is left out")
    await shared.close()
  })

  it("enqueues by the statement of enqueueSql, through a double of its client", async () => {
    const client = { query: kit.query }
    const statement = kit.outrigger.enqueueSql(Mail, { to: "ada" }, { delay: "1 hour", priority: 1, idempotencyKey: "k", metadata: { tenant: "north" } })
    const { rowCount, rows: [row] } = await client.query(statement)
    expect(rowCount).toBe(1)
    expect((await client.query(statement.text, statement.values)).rows[0]).toEqual(row)
    kit.assertEnqueued(Mail, { payload: { to: "ada" }, scheduledIn: "1 hour", priority: 1, queue: "mail", idempotencyKey: "k", metadata: { tenant: "north" }, count: 1 })
    await expect(client.query("select 1")).rejects.toThrow('The kit answers the statements of enqueueSql and enqueueManySql, and no other: let your double answer "select 1"')
  })

  it("enqueues by the statement of enqueueManySql, all or none", async () => {
    const { rowCount, rows } = await kit.query(kit.outrigger.enqueueManySql(Mail, [{ to: "ada" }, { to: "bob" }], { delay: "1 hour" }))
    expect([rowCount, rows.map(({ id }) => kit.task(id).payload)]).toEqual([2, [{ to: "ada" }, { to: "bob" }]])
    kit.assertEnqueued(Mail, { scheduledIn: "1 hour", count: 2 })
    expect(await kit.query(kit.outrigger.enqueueManySql(Mail, []))).toEqual({ rows: [], rowCount: 0 })
    const wrong = { text: kit.outrigger.enqueueManySql(Mail, []).text, values: ['[{"name":"mail","payload":1,"options":{"delay":-1}}]'] }
    await expect(kit.query(wrong)).rejects.toBeInstanceOf(InvalidOption)
  })

  it("executes: time goes by until the task is over, and no longer", async () => {
    next = [fails(), fails()]
    await kit.outrigger.enqueue(Mail, { to: "ada" }, { delay: "1 day" })
    expect(await kit.outrigger.execute(Double, { n: 2 })).toBe(4)
    expect(kit.now()).toBe(30_000)
    kit.assertEnqueued(Mail, { state: "scheduled" })
  })

  it("hears from execute how a task died, or that it was cancelled", async () => {
    next = [fails(new NonRetryable("no"))]
    await expect(kit.outrigger.execute(Double, { n: 2 })).rejects.toBeInstanceOf(TaskDead)
    next = [({ id }) => kit.outrigger.cancel(id)]
    await expect(kit.outrigger.execute(Double, { n: 2 })).rejects.toBeInstanceOf(TaskCancelled)
  })

  it("executes one task within another", async () => {
    kit = createTestKit({ handlers: [double, Mail.handle(({ to }) => kit.outrigger.execute(Double, { n: to.length }))] })
    expect(await kit.outrigger.execute(Mail, { to: "ada" })).toBe(6)
  })

  it("waits for a task that a drain beside it runs", async () => {
    let open = () => {}
    next = [() => new Promise((resolve) => { open = () => resolve(5) })]
    const id = await enqueue({ uniqueKey: undefined } as Task.EnqueueOptions)
    const draining = kit.drain()
    const waiting = kit.sidecar.await(id)
    await turn()
    open()
    expect((await waiting).result).toBe(5)
    expect(await draining).toMatchObject({ succeeded: 1 })
  })

  it("stops waiting when it is aborted", async () => {
    next = [hang]
    const id = await enqueue()
    const draining = kit.drain()
    const abort = new AbortController()
    const waiting = kit.sidecar.await(id, abort.signal)
    await turn()
    abort.abort(new Error("enough"))
    await expect(waiting).rejects.toThrow("enough")
    await kit.outrigger.cancel(id)
    await draining
  })

  it("is told at once that a task cannot end because nothing runs it", async () => {
    kit = createTestKit()
    await expect(kit.outrigger.execute(Mail, { to: "ada" })).rejects.toThrow(
      'Task 1 "mail" cannot end here: the kit has no handler for it. Give it one: createTestKit({ handlers: [...] })'
    )
  })

  it("is told why a task cannot end that its queue holds back", async () => {
    const Alone = Task.make("alone", { payload: z.object({ deep: z.boolean() }), queue: Queue.make("alone", { concurrency: 1 }) })
    kit = createTestKit({ handlers: Alone.handle(({ deep }) => deep ? 1 : kit.outrigger.execute(Alone, { deep: true })) })
    await kit.outrigger.enqueue(Alone, { deep: false })
    expect((await kit.drain()).failures).toMatchObject([{ error: { message: 'Task 2 "alone" cannot end here: its queue "alone" lets no more run at a time' } }])
  })

  it("makes a dead task ready again", async () => {
    const id = await enqueue()
    next = [fails(new NonRetryable("no"))]
    await kit.drain()
    await kit.sidecar.redrive(id)
    expect(await kit.drain()).toMatchObject({ succeeded: 1 })
    await expect(kit.sidecar.redrive("99")).rejects.toBeInstanceOf(TaskNotFound)
  })
})

describe("the clock", () => {
  it("begins now unless said, and stands still", () => {
    const before = Date.now()
    const kit = createTestKit()
    expect(kit.now()).toBeGreaterThanOrEqual(before)
    expect(kit.now()).toBeLessThanOrEqual(Date.now())
    expect(createTestKit({ now: new Date("2030-01-01") }).now()).toBe(Date.parse("2030-01-01"))
    kit.advance("1 second")
    expect(kit.now()).toBeGreaterThanOrEqual(before + 1000)
  })

  it("interrupts an attempt that outlives its timeout while it moves", async () => {
    const id = await enqueue()
    next = [(context) => { kit.advance("30 seconds"); return hang(context) }]
    expect(await kit.drain()).toMatchObject({ retried: 1, failures: [{ attempt: 1, error: { name: "TaskTimeout", message: "Task timeout after 30s" } }] })
    expect(kit.task(id).failure).toEqual({ name: "TaskTimeout", message: "Task timeout after 30s" })
  })

  it("says of a handler that goes on all the same what it should do", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout"] })
    try {
      const id = await enqueue()
      next = [() => { kit.advance("30 seconds"); return new Promise(() => {}) }]
      const draining = kit.drain()
      draining.catch(() => {})
      await turn()
      await vi.advanceTimersByTimeAsync(1999)
      expect(kit.task(id)).toMatchObject({ state: "running" })
      await vi.advanceTimersByTimeAsync(1)
      await expect(draining).rejects.toThrow(
        'The handler of "double" has not ended 2 s after its signal was aborted (the attempt timed out): hand the signal on to what it waits for'
      )
      expect(kit.task(id)).toMatchObject({ state: "scheduled", failure: { name: "TaskTimeout" } })
    } finally {
      vi.useRealTimers()
    }
  })

  it("goes by the timeout that a task was enqueued with", async () => {
    await enqueue({ timeout: "1 second" })
    next = [(context) => { expect(context.deadline).toBe(1000); kit.advance("1 second"); return hang(context) }]
    expect(await kit.drain()).toMatchObject({ retried: 1, failures: [{ error: { message: "Task timeout after 1s" } }] })
  })

  it("leaves an attempt alone that has time left", async () => {
    await enqueue()
    next = [({ signal }) => { kit.advance(29_999); return signal.aborted ? 0 : 1 }]
    expect(await kit.drain()).toMatchObject({ succeeded: 1 })
  })

  it.each<readonly [() => unknown, string]>([
    [() => kit.advance("soon" as "1 second"), 'advance is "soon", but must be milliseconds or a duration such as "10 minutes"'],
    [() => kit.advance(-1), "advance is -1, but must be"],
    [() => createTestKit({ now: new Date("soon") }), "createTestKit: now is Invalid Date, but must be a date"],
    [() => createTestKit({ handlers: [double, double] }), "createTestKit: two handlers for task double v1: remove one, or give one another version"],
    [() => createTestKit({ handlers: [Double as never] }), "createTestKit: a handler is [object Object], but must be what Task.handle or Task.schedule gives"]
  ])("refuses what makes no sense", (run, message) => {
    expect(run).toThrow(message)
  })
})
