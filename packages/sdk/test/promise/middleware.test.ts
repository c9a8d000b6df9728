import { AsyncLocalStorage } from "node:async_hooks"
import { describe, expect, it } from "vitest"
import { z } from "zod"
import { Task } from "@outrigger/sdk/promise"
import { createTestKit } from "@outrigger/sdk/testing"

const Greet = Task.make("greet", { payload: z.object({ name: z.string() }), success: z.string(), retry: { times: 1 } })

describe("middleware of promises", () => {
  it("stands around every handler, the first outermost, and is given what the handler is told", async () => {
    const steps: Array<string> = []
    const noted = (name: string): Task.Middleware => async ({ attempt, metadata }, next) => {
      steps.push(`${name} of ${metadata["tenant"]}, attempt ${attempt}`)
      try {
        return await next()
      } finally {
        steps.push(`${name} ends`)
      }
    }
    const greet = Greet.handle(({ name }) => {
      steps.push("handler")
      return `hello ${name}`
    })
    const kit = createTestKit({ handlers: [greet], middleware: [noted("outer"), noted("inner")] })
    const result = await kit.outrigger.execute(Greet, { name: "Ada" }, { metadata: { tenant: "acme" } })
    expect(result).toBe("hello Ada")
    expect(steps).toEqual(["outer of acme, attempt 1", "inner of acme, attempt 1", "handler", "inner ends", "outer ends"])
  })

  it("carries what is stored around the call into the handler", async () => {
    const tenant = new AsyncLocalStorage<string>()
    const greet = Greet.handle(async () => (await Promise.resolve(), tenant.getStore() ?? "nobody"))
    const kit = createTestKit({ handlers: greet, middleware: [({ metadata }, next) => tenant.run(metadata["tenant"]!, next)] })
    expect(await kit.perform(Greet, { name: "Ada" }, { metadata: { tenant: "acme" } })).toBe("acme")
  })

  it("sees the handler's own error, and may fail by itself, or run nothing", async () => {
    const seen: Array<unknown> = []
    const error = new Error("no")
    const watched = createTestKit({
      handlers: Greet.handle(() => { throw error }),
      middleware: [async (_, next) => next().catch((cause: unknown) => { seen.push(cause); throw cause })]
    })
    await watched.outrigger.enqueue(Greet, { name: "Ada" })
    expect(await watched.drain()).toMatchObject({ retried: 1 })
    expect(seen).toEqual([error])

    const refusing = createTestKit({ handlers: Greet.handle(() => "hello"), middleware: [() => { throw new Error("not here") }] })
    await refusing.outrigger.enqueue(Greet, { name: "Ada" })
    expect((await refusing.drain()).failures[0]).toMatchObject({ error: { message: "not here" } })

    const cached = createTestKit({ handlers: Greet.handle(() => "hello"), middleware: [() => "from before"] })
    expect(await cached.outrigger.execute(Greet, { name: "Ada" })).toBe("from before")
  })

  it("stands around payloads of older versions too", async () => {
    const Newer = Task.make("greet", { payload: z.object({ first: z.string() }), version: 2, migrations: { 1: ({ name }: { name: string }) => ({ first: name }) } })
    const kit = createTestKit({ handlers: Newer.handle(({ first }) => first), middleware: [async (_, next) => `<${String(await next())}>`] })
    expect(await kit.outrigger.execute(Greet, { name: "Ada" })).toBe("<Ada>")
  })

  it("must be functions", () => {
    expect(() => createTestKit({ handlers: Greet.handle(() => ""), middleware: ["log" as never] })).toThrow("Middleware is log, but must be a function (context, next) => result")
  })
})
