import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { Route } from "../../../src/core/router/route.ts"
import type { RouterSettings } from "../../../src/core/router/router.ts"
import { type Answer, errors, make } from "../../support/router.ts"

type Setup = (router: ReturnType<typeof make>) => void
const abc = { a: 1, b: 1, c: 1 }
const all = (answer: Answer) => ({ a: answer, b: answer, c: answer })

describe("a call in order", () => {
  it.each<[title: string, answers: Record<string, Answer>, tried: Array<string>, setup?: Setup | undefined, settings?: Partial<RouterSettings>]>([
    ["goes to the first that is well", {}, ["a success"]],
    ["goes on when that fails", { a: "down" }, ["a transient", "b success"]],
    ["goes on until one answers", { a: "down", b: "refused" }, ["a transient", "b transient", "c success"]],
    ["ends when all have failed", all("down"), ["a transient", "b transient", "c transient"]],
    ["ends at a permanent error: no other target would mend it", { a: "down", b: "wrong" }, ["a transient", "b permanent"]],
    ["tries no more targets than it may", all("down"), ["a transient", "b transient"], undefined, { maxTargets: 2 }],
    ["does not know an open breaker's target", {}, ["b success"], ({ open }) => open("a")],
    ["does not know an isolated one", {}, ["b success"], ({ dependency }) => dependency("a").isolate()],
    ["does not know one whose check fails", {}, ["b success"], ({ checks }) => checks.set("a", "fail")],
    ["uses one whose check only warns", {}, ["a success"], ({ checks }) => checks.set("a", "warn")],
    ["goes on from a target whose policy rejects", { a: "busy" }, ["a rejected", "b success"]],
    ["goes on to no target that is out", { a: "down" }, ["a transient", "c success"], ({ open }) => open("b")],
    ["ends when all that is left is out", { a: "down" }, ["a transient"], ({ open, checks }) => { open("b"); checks.set("c", "fail") }]
  ])("%s", (_, answers, tried, setup, settings) => {
    const router = make(abc, settings)
    setup?.(router)
    assert.deepStrictEqual(router.call(answers), tried)
  })

  it("is back at a target when its openFor is over: the probe is the way back", () => {
    const { call, open, port } = make(abc)
    open("a")
    port.time = 4999
    assert.deepStrictEqual(call({}), ["b success"])
    port.time = 5000
    assert.deepStrictEqual(call({ a: "down" }), ["a transient", "b success"])
    port.time = 9999
    assert.deepStrictEqual(call({}), ["b success"])
    port.time = 10_000
    assert.deepStrictEqual(call({}), ["a success"])
  })

  it("lets one call probe, and the others pass by", () => {
    const { call, dependency, open, port, router } = make(abc)
    open("a")
    port.time = 5000
    const probe = new Route(router, port, Infinity)
    assert.strictEqual(probe.first().name, "a")
    dependency("a").breaker!.admit({ generation: -1, probe: 0 }, 5000)
    assert.deepStrictEqual(call({}), ["b success"])
  })
})

describe("a call that must not happen twice", () => {
  it.each<[title: string, answers: Record<string, Answer>, tried: Array<string>]>([
    ["ends at a failure that may have been applied", { a: "down" }, ["a transient"]],
    ["goes on from one that proves nothing was", { a: "refused" }, ["a transient", "b success"]],
    ["goes on from a rejection: nothing was called", { a: "busy" }, ["a rejected", "b success"]],
    ["asks each target for its own proof", { a: "busy", b: "down" }, ["a rejected", "b transient"]]
  ])("%s", (_, answers, tried) => assert.deepStrictEqual(make(abc).call(answers, { idempotent: false }), tried))
})

describe("the deadline of the whole", () => {
  it.each([
    ["goes on with more time than a try needs", 1000, 899, 100, 2],
    ["ends with no more than that", 1000, 900, 100, 1],
    ["needs no time unless said", 1000, 999, 0, 2],
    ["ends when it is over", 1000, 1000, 0, 1],
    ["may be absent", Infinity, 1e9, 100, 2]
  ])("%s", (_, deadline, now, leastTime, tries) => {
    const { port, router } = make(abc, { leastTime })
    const route = new Route(router, port, deadline)
    route.first()
    route.begin()
    port.time = now
    assert.strictEqual(route.settled(false, errors.down, undefined) === null ? 1 : 2, tries)
  })

  it.each([[500, 1000, 600], [Infinity, 1000, 1000], [500, Infinity, 600], [500, 300, 300]])("is the nearer of its own (%d) and the caller's (%d)", (timeout, deadline, expected) => {
    const { port, router } = make(abc, { timeout })
    port.time = 100
    assert.strictEqual(new Route(router, port, deadline).deadline, expected)
  })
})

describe("with every target out", () => {
  it("believes a closed breaker more than a check, and ends with what that target says", () => {
    const { call, checks, open, router } = make(abc)
    open("a")
    for (const name of ["a", "b", "c"]) checks.set(name, "fail")
    assert.deepStrictEqual(call({ b: "down" }), ["b transient"])
    assert.strictEqual(router.lastResorts, 1)
  })

  it("shares the load by weight against the checks", () => {
    const { call, checks } = make({ a: 2, b: 1 }, { strategy: "weighted" })
    for (const name of ["a", "b"]) checks.set(name, "fail")
    assert.deepStrictEqual([1, 2, 3].map(() => call({})[0]), ["a success", "b success", "a success"])
  })

  it("tries the breaker that is nearest to its end, one call each lastResort", () => {
    const { call, open, port, router } = make(abc)
    open("b")
    port.time = 10
    open("a")
    open("c")
    assert.deepStrictEqual(call(all("down")), ["b transient"]) // and is open again, for longer than the others
    assert.deepStrictEqual(call({}), ["a rejected"])
    port.time = 1009
    assert.deepStrictEqual(call({}), ["a rejected"])
    port.time = 1010
    assert.deepStrictEqual(call({}), ["a success"])
    assert.deepStrictEqual(call({}), ["a success"])
    assert.strictEqual(router.lastResorts, 2)
  })

  it("never does so when told", () => {
    const { call, open } = make(abc, { lastResort: Infinity })
    for (const name of ["a", "b", "c"]) open(name)
    assert.deepStrictEqual(call({}), ["a rejected"])
  })

  it("leaves isolated what was isolated by hand", () => {
    const { call, dependency, open } = make(abc)
    dependency("a").isolate()
    dependency("b").isolate()
    open("c")
    assert.deepStrictEqual(call({}), ["c success"])
    dependency("c").isolate()
    assert.deepStrictEqual(call({}), ["a rejected"])
  })

  it("also when the only target that is in had no room", () => {
    const { call, open } = make(abc)
    open("b")
    open("c")
    assert.deepStrictEqual(call({ a: "busy" }), ["a rejected", "b success"])
    assert.deepStrictEqual(make({ a: 1 }).call({ a: "busy" }), ["a rejected"])
  })

  it("ends with the last answer when a further rejection is all there is", () => {
    const { call, open } = make(abc, { lastResort: Infinity })
    open("b")
    open("c")
    assert.deepStrictEqual(call({ a: "busy" }), ["a rejected"])
  })
})

describe("the answer", () => {
  const run = (...tries: ReadonlyArray<readonly [began: boolean, ok: boolean, value: unknown]>) => {
    const { port, router } = make(abc)
    const route = new Route(router, port, Infinity)
    const dropped: Array<unknown> = []
    route.first()
    for (const [began, ok, value] of tries) {
      if (began) route.begin()
      route.settled(ok, value, undefined, (one) => dropped.push(one))
    }
    return { value: route.answer!.value, from: route.answer!.target.name, dropped }
  }
  const bad = { status: 503 }

  it.each([
    ["is that of the last target that was called", [[true, false, errors.down], [true, false, errors.refused]], errors.refused, "b", []],
    ["is a real one before a rejection", [[true, false, errors.down], [false, false, "rejected"], [false, false, "too"]], errors.down, "a", []],
    ["is the first rejection when none was called", [[false, false, "rejected"], [false, false, "too"], [false, false, "three"]], "rejected", "a", []],
    ["takes a rejection's place", [[false, false, "rejected"], [true, false, errors.wrong]], errors.wrong, "b", []],
    ["drops the bad result that another takes the place of", [[true, true, bad], [true, true, 1]], 1, "b", [bad]],
    ["keeps the bad result when nothing else comes", [[true, true, bad], [false, false, "rejected"], [false, false, "too"]], bad, "a", []],
    ["drops no error", [[true, false, errors.down], [true, true, 1]], 1, "b", []]
  ] as const)("%s", (_, tries, value, from, dropped) => {
    assert.deepStrictEqual(run(...tries as ReadonlyArray<readonly [boolean, boolean, unknown]>), { value, from, dropped: [...dropped] })
  })

  it("drops what it held when the caller leaves, and counts that once", () => {
    const { port, router, targets } = make(abc)
    const route = new Route(router, port, Infinity)
    const dropped: Array<unknown> = []
    const drop = (value: unknown) => dropped.push(value)
    route.first()
    route.begin()
    route.settled(true, bad, undefined, drop)
    route.abort(drop)
    route.abort(drop)
    assert.deepStrictEqual([dropped, targets[1]!.statistics.aborted, targets[0]!.statistics.aborted], [[bad], 1, 0])
  })
})

describe("a caller that leaves", () => {
  it("after it has its answer is counted as nothing", () => {
    const { port, router, targets } = make(abc)
    const route = new Route(router, port, Infinity)
    route.first()
    route.begin()
    route.settled(true, 1, undefined)
    route.abort()
    assert.deepInclude(targets[0]!.statistics, { successes: 1, aborted: 0 })
  })
})

describe("the strategies", () => {
  const shares = (calls: ReadonlyArray<ReadonlyArray<string>>) => {
    const count: Record<string, number> = {}
    for (const [first] of calls) count[first!.split(" ")[0]!] = (count[first!.split(" ")[0]!] ?? 0) + 1
    return count
  }

  it("gives each exactly its share, and the rest theirs while one is out", () => {
    const { call, checks } = make({ a: 3, b: 2, c: 1 }, { strategy: "weighted" })
    assert.deepStrictEqual(shares(Array.from({ length: 600 }, () => call({}))), { a: 300, b: 200, c: 100 })
    checks.set("a", "fail")
    assert.deepStrictEqual(shares(Array.from({ length: 300 }, () => call({}))), { b: 200, c: 100 })
    checks.delete("a")
    assert.deepStrictEqual(shares(Array.from({ length: 600 }, () => call({}))), { a: 300, b: 200, c: 100 })
  })

  it("falls over by turns too, and never to one that was tried", () => {
    const { call } = make({ a: 2, b: 1, c: 1 }, { strategy: "weighted" })
    assert.deepStrictEqual(call(all("down")).toSorted(), ["a transient", "b transient", "c transient"])
  })

  it.each([[0, "a"], [0.4999, "a"], [0.5, "b"], [0.7499, "b"], [0.75, "c"], [0.9999, "c"]])("draws lots by weight: %d is for %s", (random, name) => {
    const { call, port } = make({ a: 2, b: 1, c: 1 }, { strategy: "random" })
    Object.assign(port, { random: () => random })
    assert.deepStrictEqual(call({}), [`${name} success`])
  })
})

describe("lots between two", () => {
  it.each([[0.2, "a"], [0.6, "b"]])("%d is for %s", (random, name) => {
    const { call, port } = make({ a: 1, b: 1 }, { strategy: "random" })
    Object.assign(port, { random: () => random })
    assert.deepStrictEqual(call({}), [`${name} success`])
  })
})

describe("the preferred target", () => {
  it("is told of once for each change, and is back only when its breaker has closed", () => {
    const { call, open, port, router } = make(abc)
    const seen: Array<string> = []
    router.listeners.on("preferred", ({ from, to, why }) => seen.push(`${from} -> ${to}: ${why}`))
    call({ a: "down" })
    call({ a: "down" })
    call({})
    port.time = 5000
    call({ a: "down" })
    assert.deepStrictEqual(seen.splice(0), ["a -> b: the breaker of a is open, tries again in 5s"])
    port.time = 10_000
    call({})
    assert.deepStrictEqual(seen.splice(0), [])
    call({})
    assert.deepStrictEqual(seen.splice(0), ["b -> a: a is well"])
    for (const name of ["a", "b", "c"]) open(name)
    call({ a: "down" })
    assert.deepStrictEqual(seen, ["a -> undefined: the breaker of a is open, tries again in 5s"])
  })

  it("has no other events to hear of", () => {
    assert.throws(() => make(abc).router.listeners.on("prefered" as "preferred", () => {}), /no event is called "prefered": there are preferred, fallover/)
  })

  it("is the heaviest where there are weights", () => {
    const { checks, port, router } = make({ a: 1, b: 3, c: 2 }, { strategy: "weighted" })
    assert.strictEqual(router.state(port).preferred, "b")
    checks.set("b", "fail")
    assert.strictEqual(router.state(port).preferred, "c")
  })

  it("tells of each time that a call goes on", () => {
    const { call, router } = make(abc)
    const seen: Array<unknown> = []
    const stop = router.listeners.on("fallover", (event) => seen.push(event))
    call({ a: "down" }, { operation: "search" })
    stop()
    call({ a: "down" })
    assert.deepStrictEqual(seen, [{ from: "a", to: "b", operation: "search", error: errors.down }])
    assert.strictEqual(router.fallovers, 2)
  })
})

describe("the health entry", () => {
  it.each<[title: string, setup: Setup, settings: Partial<RouterSettings>, status: string, observed: string, why: string | undefined]>([
    ["passes on the first", () => {}, {}, "pass", "a", undefined],
    ["passes on the first whatever the others do", ({ open }) => open("b"), {}, "pass", "a", undefined],
    ["warns off the first", ({ open }) => open("a"), {}, "warn", "b", "on b; the breaker of a is open, tries again in 5s"],
    ["says why of all that it goes without", ({ open, checks }) => { checks.set("a", "fail"); open("b") }, {}, "warn", "c", "on c; the check of a fails; the breaker of b is open, tries again in 5s"],
    ["warns where weights need all", ({ dependency }) => dependency("c").isolate(), { strategy: "weighted" }, "warn", "a", "on a; c is isolated by hand"],
    ["warns when none is left", ({ dependency }) => ["a", "b", "c"].forEach((name) => dependency(name).isolate()), {}, "warn", "none",
      "no target is in; a is isolated by hand; b is isolated by hand; c is isolated by hand"],
    ["fails then, when it is critical", ({ dependency }) => ["a", "b", "c"].forEach((name) => dependency(name).isolate()), { criticality: "critical" }, "fail", "none",
      "no target is in; a is isolated by hand; b is isolated by hand; c is isolated by hand"],
    ["only warns while one is left, critical or not", ({ open }) => open("a"), { criticality: "critical" }, "warn", "b", "on b; the breaker of a is open, tries again in 5s"]
  ])("%s", (_, setup, settings, status, observed, why) => {
    const router = make(abc, settings)
    setup(router)
    const entry = router.router.entry(0, 0)
    assert.deepStrictEqual([entry.status, entry.observedValue, entry.why, entry.criticality, entry.since], [status, observed, why, settings.criticality ?? "degrades", undefined])
  })

  it("says since when, as calls found it", () => {
    const { call, open, port, router } = make(abc)
    open("a")
    port.time = 250
    call({})
    assert.strictEqual(router.entry(300, port.epoch()).since, new Date(port.epoch()).toISOString())
  })
})

describe("the statistics", () => {
  it("tell for each target what became of its tries", () => {
    const { call, port, router } = make({ a: 1, b: 1 })
    call({})
    call({ a: "down" })
    call({ a: "wrong" })
    call({ a: "busy", b: "down" })
    call({ a: "busy", b: "wrong" })
    const none = { successes: 0, failures: 0, permanent: 0, rejected: 0, aborted: 0 }
    assert.deepStrictEqual(router.state(port), {
      preferred: "a", calls: 5, fallovers: 3, lastResorts: 0,
      targets: {
        a: { ...none, standing: "in", tries: 5, successes: 1, failures: 1, permanent: 1, rejected: 2 },
        b: { ...none, standing: "in", tries: 3, successes: 1, failures: 1, permanent: 1 }
      }
    })
  })

  it("show who is on trial", () => {
    const { open, port, router } = make({ a: 1, b: 1 })
    open("a")
    assert.strictEqual(router.state(port).targets["a"]!.standing, "out")
    port.time = 5000
    assert.strictEqual(router.state(port).targets["a"]!.standing, "trial")
  })
})

/** What a router in order does, in a few lines: each target is a count of failures, a time until which it is out, and two flags. */
class Model {
  readonly targets = new Map(["a", "b", "c"].map((name) => [name, { failures: 0, until: -1, bad: false, isolated: false }]))
  lastResort = -Infinity

  call(answers: Readonly<Record<string, Answer>>, now: number): Array<string> {
    const names = [...this.targets.keys()]
    const of = (name: string) => this.targets.get(name)!
    const admits = (name: string) => !of(name).isolated && now >= of(name).until
    const tried: Array<string> = []
    for (const name of names.filter((one) => admits(one) && !of(one).bad)) {
      tried.push(this.try(name, answers[name]!, now))
      if (!/transient|rejected/.test(tried.at(-1)!)) return tried
    }
    if (tried.some((one) => !one.includes("rejected"))) return tried
    const rest = names.filter((name) => !tried.some((one) => one.startsWith(name)))
    for (const name of rest.filter(admits)) {
      tried.push(this.try(name, answers[name]!, now))
      if (!tried.at(-1)!.includes("rejected")) return tried
    }
    const shut = rest.filter((name) => !admits(name))
    const [nearest] = shut.filter((name) => !of(name).isolated).toSorted((x, y) => of(x).until - of(y).until)
    if (nearest !== undefined && now - this.lastResort >= 1000) {
      of(nearest).until = this.lastResort = now
      return [...tried, this.try(nearest, answers[nearest]!, now)]
    }
    return tried.length > 0 ? tried : [`${nearest ?? shut[0]!} rejected`]
  }

  private try(name: string, answer: Answer, now: number): string {
    const target = this.targets.get(name)!
    if (answer === "busy") return `${name} rejected`
    if (answer === "wrong") return `${name} permanent`
    if (answer === "up") {
      Object.assign(target, { failures: 0, until: -1 })
      return `${name} success`
    }
    if (++target.failures >= 2 || target.until >= 0) Object.assign(target, { failures: 2, until: now + 5000 })
    return `${name} transient`
  }
}

describe("a router in order", () => {
  it("does as its model does, whatever comes in whatever order", () => {
    const name = fc.constantFrom("a", "b", "c")
    const answer = fc.constantFrom<Answer>("up", "down", "down", "wrong", "refused", "busy")
    const command = fc.oneof(
      { weight: 5, arbitrary: fc.record({ do: fc.constant("call" as const), answers: fc.record({ a: answer, b: answer, c: answer }) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant("wait" as const), for: fc.constantFrom(1, 400, 999, 1000, 2500, 4999, 5000) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("check" as const), name, bad: fc.boolean() }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("isolate" as const), name, yes: fc.boolean() }) }
    )
    fc.assert(fc.property(fc.array(command, { maxLength: 50 }), (commands) => {
      const { call, checks, dependency, port, router } = make(abc)
      const model = new Model()
      for (const one of commands) {
        if (one.do === "wait") port.time += one.for
        else if (one.do === "call") assert.deepStrictEqual(call(one.answers), model.call(one.answers, port.time))
        else if (one.do === "check") {
          checks.set(one.name, one.bad ? "fail" : "pass")
          model.targets.get(one.name)!.bad = one.bad
        } else {
          if (one.yes) dependency(one.name).isolate()
          else dependency(one.name).restore()
          Object.assign(model.targets.get(one.name)!, { isolated: one.yes, failures: 0, until: -1 })
        }
      }
      const { targets } = router.state(port)
      for (const { aborted, failures, permanent, rejected, successes, tries } of Object.values(targets)) {
        assert.strictEqual(tries, successes + failures + permanent + rejected + aborted)
      }
    }), { numRuns: 5000 })
  })
})
