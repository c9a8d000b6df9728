import { AsyncLocalStorage } from "node:async_hooks"
import { getEventListeners } from "node:events"
import { assert, describe, expectTypeOf, it } from "vitest"
import { createOutrigger, type PolicyOptions, type RouterOptions } from "@outrigger/sdk/promise"
import { type Reply, traces } from "../support/routerTraces.ts"
import { caught, gate, hang, turn, virtual } from "../support/virtual.ts"

const policy = { timeout: 1000, retry: false, breaker: { failures: 2, openFor: 5000 } } as const satisfies PolicyOptions

const make = (options: Omit<RouterOptions, "targets"> & { readonly weights?: Readonly<Record<string, number>> | undefined; readonly policy?: PolicyOptions } = {}) => {
  const { port, timers } = virtual()
  const outrigger = createOutrigger({ service: "shop", timers, log: () => {} })
  const { policy: own = policy, weights, ...rest } = options
  const [a, b, c] = [outrigger.api("a", own), outrigger.api("b", own), outrigger.api("c", own)]
  const target = (api: typeof a) => weights === undefined ? api : { api, weight: weights[api.name] }
  const router = outrigger.router("r", { ...rest, targets: { a: target(a), b: target(b), c: target(c) } })
  return { a, b, c, outrigger, port, router }
}

const reply = (target: string, what: Reply = "up"): Promise<string> =>
  what === "up" ? Promise.resolve(target)
  : what === "hangs" ? hang()
  : Promise.reject(what === "wrong" ? new TypeError("wrong") : new Error(`${target} is down`))

describe("a router with promises", () => {
  for (const { options, steps, title, weights } of traces) {
    it(title, async () => {
      const { port, router } = make({ ...options, weights })
      for (const { end, idempotent, replies = {}, tried, wait = 0 } of steps) {
        await port.pass(wait)
        const before = router.state().targets
        const entry = router.callEntry(({ target }) => reply(target, replies[target]), { idempotent })
        const ended = entry.then((one) => one, (error: unknown) => String(error))
        while (await Promise.race([ended.then(() => false), turn().then(() => true)])) await port.pass(500)
        const got = await ended
        if (typeof got === "string") {
          const after = router.state().targets
          const counted = (["a", "b", "c"] as const).filter((name) => after[name].tries > before[name].tries)
          assert.deepStrictEqual([got, counted], [end, tried.map((one) => one.split(" ")[0])])
        } else assert.deepStrictEqual([got.target, got.tried.map(({ outcome, target }) => `${target} ${outcome}`)], [end, [...tried]])
      }
    })
  }

  it("infers the names of its targets and what the work gives", async () => {
    const { outrigger, router } = make()
    const answer = router.callEntry(({ attempt, deadline, target }) => {
      expectTypeOf(target).toEqualTypeOf<"a" | "b" | "c">()
      return { attempt, deadline }
    })
    expectTypeOf(answer).resolves.toHaveProperty("target").toEqualTypeOf<"a" | "b" | "c">()
    assert.deepStrictEqual((await answer).value, { attempt: 1, deadline: 1000 })
    // @ts-expect-error a target is an Api
    assert.throws(() => outrigger.router("x", { targets: { a: 1 } }))
    // @ts-expect-error no such strategy
    assert.throws(() => outrigger.router("x", { strategy: "best", targets: { a: outrigger.api("a", policy) } }))
  })

  it("gives the tries that failed with what they failed with", async () => {
    const { router } = make()
    const boom = new Error("boom")
    const entry = await router.callEntry(({ target }) => target === "a" ? Promise.reject(boom) : 7)
    assert.deepStrictEqual(entry, { value: 7, target: "b", tried: [{ target: "a", outcome: "transient", error: boom }, { target: "b", outcome: "success", error: undefined }] })
  })

  it("calls with the target's own policy, retries included", async () => {
    const { port, router } = make({ policy: { ...policy, timeout: 10_000, breaker: false, retry: { times: 1, base: 100, jitter: "none", budget: false } } })
    const seen: Array<string> = []
    const answer = router.call(({ attempt, target }) => {
      seen.push(target + attempt)
      return target === "a" ? Promise.reject(new Error("down")) : target
    })
    await port.pass(100)
    assert.strictEqual(await answer, "b")
    assert.deepStrictEqual(seen, ["a1", "a2", "b1"])
  })

  it("goes on from a target that has no room, a call that must not happen twice too", async () => {
    const { router } = make({ policy: { ...policy, bulkhead: { concurrency: 1 } } })
    const first = gate<string>()
    const held = router.call(() => first.promise)
    const entry = await router.callEntry(({ target }) => target, { idempotent: false })
    assert.deepStrictEqual(entry.tried.map(({ outcome, target }) => `${target} ${outcome}`), ["a rejected", "b success"])
    first.resolve("done")
    assert.strictEqual(await held, "done")
  })

  it("while one call probes a target, the others pass by; a probe that hangs wedges nothing", async () => {
    const { a, port, router } = make()
    for (let failures = 0; failures < 2; failures++) await caught(a.call(() => reply("a", "down")))
    await port.pass(5000)
    const probe = router.call(({ target }) => reply(target, target === "a" ? "hangs" : "up"))
    assert.deepStrictEqual(await Promise.all([router.call(({ target }) => target), router.call(({ target }) => target)]), ["b", "b"])
    await port.pass(1000)
    assert.strictEqual(await probe, "b")
    await port.pass(5000)
    assert.strictEqual(await router.call(({ target }) => target), "a")
  })

  it("takes the caller's deadline, which says nothing of the target", async () => {
    const { port, router } = make()
    const answer = caught(router.call(hang, { deadline: 300 }))
    await port.pass(300)
    assert.deepInclude(await answer, { _tag: "CallTimeoutError", dependency: "a" })
    assert.strictEqual(router.state().targets.a.standing, "in")
    assert.strictEqual(router.state().targets.b.tries, 0)
  })

  it("probes nothing before its time when told", async () => {
    const { a, b, c, router } = make({ lastResort: false })
    for (const api of [a, b, c, a, b, c]) await caught(api.call(() => reply(api.name, "down")))
    assert.deepInclude(await caught(router.call(({ target }) => target)), { _tag: "BreakerOpenError", dependency: "a", retryAfter: 5000 })
  })

  it("takes the deadline of the call around it, where the outrigger asks for that", async () => {
    const { port, timers } = virtual()
    const outrigger = createOutrigger({ service: "shop", timers, log: () => {}, inheritDeadlines: true })
    const [a, b] = [outrigger.api("a", policy), outrigger.api("b", policy)]
    const router = outrigger.router("r", { leastTime: 200, targets: { a, b } })
    const outer = outrigger.api("outer", { timeout: 1100, retry: false })
    const answer = caught(outer.call(() => router.call(hang)))
    await port.pass(1000)
    assert.deepInclude(await answer, { _tag: "CallTimeoutError", dependency: "a" })
    assert.strictEqual(router.state().targets.b.tries, 0)
  })

  it("falls over from a bad response, whose body is let go", async () => {
    const { router } = make()
    let cancelled = 0
    const bad = () => new Response(new ReadableStream({ cancel() { cancelled++ } }), { status: 503 })
    assert.strictEqual((await router.call(({ target }) => target === "a" ? bad() : new Response("ok"))).status, 200)
    assert.strictEqual(cancelled, 1)
    assert.strictEqual((await router.call(bad)).status, 503)
    assert.strictEqual(cancelled, 3)
  })

  it("asks an own classifier, and never about a timeout of the policy", async () => {
    const asked: Array<unknown> = []
    const { port, router } = make({ policy: { ...policy, classify: (value) => { asked.push(value); return value === "no" ? "permanent" : undefined } } })
    assert.strictEqual(await caught(router.call(() => Promise.reject("no"))), "no")
    assert.strictEqual(router.state().targets.b.tries, 0)
    asked.length = 0
    const answer = router.call(({ target }) => reply(target, target === "a" ? "hangs" : "up"))
    await port.pass(1000)
    assert.strictEqual(await answer, "b")
    assert.deepStrictEqual([...new Set(asked)], ["b"])
  })

  it("asks it about the timeout of another dependency inside", async () => {
    const { outrigger, port, router } = make({ policy: { ...policy, timeout: 5000, classify: (value, ok) => ok ? undefined : "permanent" } })
    const inner = outrigger.api("inner", { ...policy, timeout: 10 })
    const answer = caught(router.call(() => inner.call(hang)))
    await port.pass(10)
    assert.deepInclude(await answer, { _tag: "CallTimeoutError", dependency: "inner" })
    assert.strictEqual(router.state().targets.b.tries, 0)
  })

  it("keeps the caller's AsyncLocalStorage across targets", async () => {
    const { router } = make()
    const storage = new AsyncLocalStorage<string>()
    const seen = await Promise.all(["x", "y"].map((name) => storage.run(name, () =>
      router.call(async ({ target }) => {
        await turn()
        if (target === "a") throw new Error("down")
        return storage.getStore()
      }))))
    assert.deepStrictEqual(seen, ["x", "y"])
  })
})

describe("a caller that leaves", () => {
  it("ends the call at once, tells the work, and goes on to nobody", async () => {
    const { port, router } = make()
    const controller = new AbortController()
    let signal: AbortSignal | undefined
    const answer = caught(router.call((context) => { signal = context.signal; return hang() }, { signal: controller.signal }))
    await turn()
    controller.abort("gone")
    assert.strictEqual(await answer, "gone")
    await port.pass(10_000)
    assert.deepStrictEqual([signal!.aborted, router.state().targets.a.aborted, router.state().targets.b.tries], [true, 1, 0])
    assert.lengthOf(getEventListeners(controller.signal, "abort"), 0)
  })

  it("has a signal that leaves no listener behind after tries on several targets", async () => {
    const { router } = make()
    const { signal } = new AbortController()
    await router.call(({ target }) => reply(target, target === "c" ? "up" : "down"), { signal })
    assert.lengthOf(getEventListeners(signal, "abort"), 0)
  })

  it("that was gone before gets nothing tried", async () => {
    const { router } = make()
    assert.strictEqual(await caught(router.call(() => 1, { signal: AbortSignal.abort("gone") })), "gone")
    assert.strictEqual(router.state().calls, 0)
  })
})

describe("a router's checks", () => {
  it("take a target out after failAfter bad results in a row, bring it back after recoverAfter, and show in the report", async () => {
    const { port, timers } = virtual()
    const outrigger = createOutrigger({ service: "shop", timers, log: () => {} })
    let well = true
    const run = () => ({ status: well ? "pass" : "fail", output: "no model loaded" }) as const
    const router = outrigger.router("r", {
      targets: { a: { api: outrigger.api("a", policy), check: { run, every: 1000, failAfter: 2, recoverAfter: 2 } }, b: outrigger.api("b", policy) }
    })
    const where: Array<string> = []
    const seconds = async (count: number) => {
      for (let second = 0; second < count; second++) {
        await port.pass(1000)
        where.push(await router.call(({ target }) => target))
      }
    }
    await seconds(1)
    well = false
    await seconds(2)
    const { checks, status } = await outrigger.health()
    assert.strictEqual(status, "warn")
    assert.deepInclude(checks["r:router"]![0], { status: "warn", observedValue: "b", why: "on b; the check of a fails: no model loaded" })
    assert.deepInclude(checks["r:a"]![0], { status: "fail" })
    well = true
    await seconds(2)
    assert.deepStrictEqual(where, ["a", "a", "b", "b", "a"])
    assert.deepInclude((await outrigger.health()).checks["r:router"]![0], { status: "pass", observedValue: "a" })
    await outrigger.close()
  })

  it("may be a function alone", async () => {
    const { port, timers } = virtual()
    const outrigger = createOutrigger({ service: "shop", timers, log: () => {} })
    const api = outrigger.api("a", policy)
    const router = outrigger.router("r", { targets: { a: { api, check: () => { throw new Error("no") } }, b: outrigger.api("b", policy) } })
    await port.pass(0)
    assert.strictEqual(await router.call(({ target }) => target), "b")
    await outrigger.close()
  })
})

describe("a router that makes no sense is refused", () => {
  const { outrigger } = make()
  const [a, b] = [outrigger.api("a", policy), outrigger.api("b", policy)]
  it.each<[title: string, options: any, message: RegExp]>([
    ["no targets", { targets: {} }, /targets is \{\}, but must be at least one target by its name/],
    ["targets left out", {}, /targets is undefined/],
    ["targets that are none", { targets: null }, /targets is null/],
    ["one Api twice", { targets: { a, again: a } }, /targets\.again is "a", but must be another dependency than that of a/],
    ["a target that is no Api", { targets: { a: 1 } }, /targets\.a is 1/],
    ["a target without an Api", { strategy: "weighted", targets: { a: { weight: 1 } } }, /targets\.a\.api is "undefined", but must be the api itself/],
    ["a weight of zero", { strategy: "weighted", targets: { a: { api: a, weight: 0 }, b } }, /targets\.a\.weight is 0, but must be a number above zero, finite/],
    ["a weight of NaN", { strategy: "random", targets: { a: { api: a, weight: Number.NaN }, b } }, /targets\.a\.weight is NaN/],
    ["a weight without end", { strategy: "random", targets: { a: { api: a, weight: Infinity }, b } }, /targets\.a\.weight is Infinity/],
    ["a weight in words", { strategy: "random", targets: { a: { api: a, weight: "2" }, b } }, /targets\.a\.weight is "2"/],
    ["a weight where none counts", { targets: { a: { api: a, weight: 2 }, b } }, /targets\.a\.weight is 2, but must be left out/],
    ["a name that JavaScript would sort", { targets: { a, 2: b } }, /targets is "2", but must be named by more than a number/],
    ["an option that nobody knows", { targets: { a }, retries: 2 }, /retries is 2, but must be left out/],
    ["a target's option that nobody knows", { targets: { a: { api: a, wait: 1 } } }, /targets\.a\.wait is 1, but must be left out: the options are api, weight, check/],
    ["a strategy that nobody knows", { targets: { a }, strategy: "best" }, /strategy is "best", but must be ordered, weighted, random/],
    ["a check that is none", { targets: { a: { api: a, check: 1 } } }, /targets\.a\.check is 1, but must be a function/],
    ["a check without its function", { targets: { a: { api: a, check: { every: 1 } } } }, /targets\.a\.check is \{"every":1\}/],
    ["no target to be tried", { targets: { a }, maxTargets: 0 }, /maxTargets is 0, but must be a whole number from 1/],
    ["a time below zero", { targets: { a }, leastTime: -1 }, /leastTime is -1/],
    ["a timeout of nothing", { targets: { a }, timeout: 0 }, /timeout is 0/],
    ["a last resort in no time", { targets: { a }, lastResort: "often" }, /lastResort is "often"/],
    ["a criticality that nobody knows", { targets: { a }, criticality: "high" }, /criticality is "high"/]
  ])("%s", (_, options, message) => assert.throws(() => outrigger.router("x", options), message))

  it("a name that is empty, or taken", () => {
    assert.throws(() => outrigger.router(" ", { targets: { a } }), /name is " "/)
    assert.throws(() => outrigger.router("r", { targets: { a } }), /new: an entry of this name exists/)
  })

  it("and leaves nothing behind, so that a right one can be made", async () => {
    assert.throws(() => outrigger.router("y", { targets: { a: { api: a, check: { run: () => ({ status: "pass" }), every: -1 } } } }), /every/)
    outrigger.router("y", { targets: { a } })
    assert.includeMembers(Object.keys((await outrigger.health()).checks), ["y:router"])
  })
})
