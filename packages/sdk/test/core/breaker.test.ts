import * as fc from "fast-check"
import { assert, describe, expect, it } from "vitest"
import { Breaker, type BreakerEvent, type BreakerState, step } from "../../src/core/breaker.ts"

const settings = { failures: 2, openFor: 1000, halfOpenCalls: 2, probeLease: 300 }
const closed: BreakerState = { tag: "closed", generation: 4, failures: 1 }
const open: BreakerState = { tag: "open", generation: 4, until: 1000 }
const half: BreakerState = { tag: "half-open", generation: 4, probes: [{ id: 1, until: 300 }], successes: 0, lastProbe: 1 }
const isolated: BreakerState = { tag: "isolated", generation: 4 }
const ticket = (generation = 4, probe = 0) => ({ generation, probe })
const settled = (verdict: "success" | "failure" | "ignored", held = ticket()): BreakerEvent => ({ type: "settled", ticket: held, verdict })

describe("the breaker's transitions", () => {
  it.each<[title: string, from: BreakerState, event: BreakerEvent, now: number, to: Partial<BreakerState> | "same"]>([
    ["the last failure in a row opens", closed, settled("failure"), 0, { tag: "open", generation: 5, until: 1000 }],
    ["a success starts the count again", closed, settled("success"), 0, { tag: "closed", generation: 4, failures: 0 }],
    ["what says nothing of the dependency counts as nothing", closed, settled("ignored"), 0, "same"],
    ["a result of an earlier generation moves nothing", closed, settled("failure", ticket(3)), 0, "same"],
    ["open lets nothing through before its time", open, { type: "admit" }, 999, "same"],
    ["open lets a probe through when its time is over", open, { type: "admit" }, 1000, { tag: "half-open", generation: 5, lastProbe: 1 }],
    ["half-open lets as many through as it is told", half, { type: "admit" }, 0, { tag: "half-open", lastProbe: 2 }],
    ["half-open lets no more through", { ...half, successes: 1 }, { type: "admit" }, 0, "same"],
    ["a probe whose lease is over has lost its place", { ...half, successes: 1 }, { type: "admit" }, 300, { tag: "half-open", lastProbe: 2 }],
    ["one failed probe opens again", half, settled("failure", ticket(4, 1)), 50, { tag: "open", generation: 5, until: 1050 }],
    ["one success of two does not close", half, settled("success", ticket(4, 1)), 50, { tag: "half-open", successes: 1, probes: [] }],
    ["enough successes close", { ...half, successes: 1 }, settled("success", ticket(4, 1)), 50, { tag: "closed", generation: 5, failures: 0 }],
    ["a probe that says nothing gives its place back", half, settled("ignored", ticket(4, 1)), 50, { tag: "half-open", successes: 0, probes: [] }],
    ["a probe that was thrown out counts as nothing", half, settled("success", ticket(4, 9)), 50, "same"],
    ["a late success does not close an open breaker", open, settled("success"), 50, "same"],
    ["isolated stays so whatever comes", isolated, settled("success"), 50, "same"],
    ["isolated lets nothing through, ever", isolated, { type: "admit" }, 1e12, "same"],
    ["isolating twice is isolating once", isolated, { type: "isolate" }, 0, "same"],
    ["isolate, from any state", half, { type: "isolate" }, 0, { tag: "isolated", generation: 5 }],
    ["restore closes, and forgets", open, { type: "restore" }, 0, { tag: "closed", generation: 5, failures: 0 }]
  ])("%s", (_, from, event, now, to) => {
    const after = step(from, event, now, settings)
    if (to === "same") assert.strictEqual(after, from)
    else expect(after).toMatchObject(to)
  })
})

/** The breaker in a few lines: what everybody can check by reading. */
class Model {
  state: "closed" | "open" | "half-open" = "closed"
  failures = 0
  until = 0
  successes = 0
  readonly probes = new Map<number, number>()

  admit(now: number, call: number): boolean {
    if (this.state === "open" && now >= this.until) Object.assign(this, { state: "half-open", successes: 0 })
    if (this.state === "closed") return true
    if (this.state === "open") return false
    for (const [probe, until] of this.probes) if (until <= now) this.probes.delete(probe)
    if (this.probes.size + this.successes >= settings.halfOpenCalls) return false
    this.probes.set(call, now + settings.probeLease)
    return true
  }

  settle(now: number, call: number, ok: boolean, mine: boolean): void {
    if (!mine) return
    if (this.state === "closed") this.failures = ok ? 0 : this.failures + 1
    else if (!this.probes.delete(call)) return
    else if (ok) this.successes++
    if ((this.state === "closed" && this.failures >= settings.failures) || (this.state === "half-open" && !ok)) this.open(now)
    else if (this.state === "half-open" && this.successes >= settings.halfOpenCalls) this.close()
  }

  private open(now: number): void {
    Object.assign(this, { state: "open", until: now + settings.openFor, failures: 0 })
    this.probes.clear()
  }
  private close(): void {
    Object.assign(this, { state: "closed", failures: 0 })
    this.probes.clear()
  }
}

describe("the breaker at work", () => {
  it("does as its model does, whatever comes in whatever order", () => {
    const command = fc.oneof(
      fc.record({ do: fc.constant("call" as const) }),
      fc.record({ do: fc.constant("settle" as const), which: fc.nat(20), ok: fc.boolean() }),
      fc.record({ do: fc.constant("wait" as const), for: fc.integer({ min: 1, max: 1200 }) })
    )
    fc.assert(fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
      const breaker = new Breaker(settings, () => {})
      const model = new Model()
      const calls: Array<{ id: number; generation: number; probe: number; modelState: string; settled: boolean; era: number }> = []
      let now = 0
      let era = 0
      let last: string = "closed"
      const track = () => {
        if (model.state !== last) era++
        last = model.state
      }
      for (const [id, one] of commands.entries()) {
        if (one.do === "wait") now += one.for
        else if (one.do === "call") {
          const held = { generation: -1, probe: 0 }
          const admitted = breaker.admit(held, now)
          assert.strictEqual(admitted, model.admit(now, id))
          track()
          if (admitted) calls.push({ id, ...held, modelState: model.state, settled: false, era })
        } else if (calls.length > 0) {
          const call = calls[one.which % calls.length]!
          if (call.settled) continue
          call.settled = true
          breaker.settled(call, one.ok ? "success" : "failure", () => now)
          model.settle(now, call.id, one.ok, call.era === era)
          track()
        }
        assert.strictEqual(breaker.state.tag, model.state)
      }
    }), { numRuns: 3000 })
  })

  it("says when to come back", () => {
    const breaker = new Breaker({ ...settings, failures: 1 }, () => {})
    const held = ticket(-1)
    breaker.admit(held, 0)
    breaker.settled(held, "failure", () => 100)
    assert.deepStrictEqual([breaker.retryAfter(400), breaker.retryAfter(5000), breaker.rejects(400), breaker.rejects(1100)], [700, 0, true, false])
  })

  it("tells of every change of state, once", () => {
    const seen: Array<string> = []
    const breaker = new Breaker({ ...settings, failures: 1, halfOpenCalls: 1 }, (from, to) => seen.push(`${from.tag} ${to.tag}`))
    const call = (now: number, verdict: "success" | "failure") => {
      const held = ticket(-1)
      if (breaker.admit(held, now)) breaker.settled(held, verdict, () => now)
    }
    call(0, "success")
    call(1, "failure")
    call(2, "success")
    call(1001, "failure")
    call(2001, "success")
    assert.deepStrictEqual(seen, ["closed open", "open half-open", "half-open open", "open half-open", "half-open closed"])
  })
})
