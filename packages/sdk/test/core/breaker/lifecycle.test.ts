import { assert, describe, expect, it } from "vitest"
import { type BreakerEvent, type BreakerState, places, step, type Verdict } from "../../../src/core/breaker/lifecycle.ts"
import type { BreakerSettings } from "../../../src/core/breaker/settings.ts"

const settings: BreakerSettings = { failures: 2, openFor: 1000, halfOpenCalls: 2, probeLease: 300 }
const growing = { ...settings, growth: { factor: 3, max: 5000 } }
const ratio60 = { ...settings, halfOpenCalls: 5, successRatio: 0.6 }
const closed: BreakerState = { tag: "closed", generation: 4, reason: undefined }
const open: BreakerState = { tag: "open", generation: 4, reason: "rate", until: 1000, reopenings: 1 }
const half: Extract<BreakerState, { tag: "half-open" }> =
  { tag: "half-open", generation: 4, reason: "open-over", reopenings: 1, probes: [{ id: 1, until: 300 }], lastProbe: 1, successes: 0, failures: 0 }
const isolated: BreakerState = { tag: "isolated", generation: 4, reason: "isolated" }
const admit: BreakerEvent = { type: "admit" }
const probe = (verdict: Verdict, id = 1, generation = 4): BreakerEvent => ({ type: "settled", ticket: { generation, probe: id }, verdict })
const after = (successes: number, failures: number): BreakerState => ({ ...half, successes, failures })

type Row = [title: string, from: BreakerState, event: BreakerEvent, now: number, to: object | "same", settings?: BreakerSettings]

describe("the breaker's transitions", () => {
  it.each<Row>([
    ["a closed one opens when its strategy says so", closed, { type: "tripped", reason: "slow" }, 50, { tag: "open", generation: 5, reason: "slow", until: 1050, reopenings: 0 }],
    ["a closed one lets through without a trace", closed, admit, 0, "same"],
    ["a closed one leaves results to its strategy", closed, probe("failure", 0), 0, "same"],
    ["an open one cannot trip", open, { type: "tripped", reason: "rate" }, 0, "same"],
    ["a half-open one cannot trip", half, { type: "tripped", reason: "rate" }, 0, "same"],
    ["an isolated one cannot trip", isolated, { type: "tripped", reason: "rate" }, 0, "same"],
    ["open lets nothing through before its time", open, admit, 999, "same"],
    ["open lets a probe through when its time is over", open, admit, 1000,
      { tag: "half-open", generation: 5, reason: "open-over", reopenings: 1, probes: [{ id: 1, until: 1300 }], lastProbe: 1, successes: 0, failures: 0 }],
    ["half-open lets as many through as it is told", half, admit, 10, { generation: 4, lastProbe: 2, probes: [{ id: 1, until: 300 }, { id: 2, until: 310 }] }],
    ["half-open lets no more through", { ...half, successes: 1 }, admit, 0, "same"],
    ["failed probes take a place too", after(1, 3), admit, 0, "same", ratio60],
    ["a probe whose lease lasts keeps its place", { ...half, successes: 1 }, admit, 299, "same"],
    ["a probe whose lease is over has lost its place", { ...half, successes: 1 }, admit, 300, { tag: "half-open", lastProbe: 2, probes: [{ id: 2, until: 600 }] }],
    ["one failed probe opens again", half, probe("failure"), 50, { tag: "open", generation: 5, reason: "probe-failed", until: 1050, reopenings: 2 }],
    ["one success of two does not close", half, probe("success"), 50, { tag: "half-open", generation: 4, successes: 1, failures: 0, probes: [] }],
    ["enough successes close", { ...half, successes: 1 }, probe("success"), 50, { tag: "closed", generation: 5, reason: "probes-succeeded" }],
    ["a probe that says nothing gives its place back", half, probe("ignored"), 50, { tag: "half-open", successes: 0, failures: 0, probes: [] }],
    ["a probe that was thrown out counts as nothing", half, probe("success", 9), 50, "same"],
    ["a probe settles while its lease lasts", half, probe("failure"), 299, { tag: "open" }],
    ["a probe that settles when its lease is over counts as nothing", half, probe("failure"), 300, "same"],
    ["a result of an earlier generation moves nothing", half, probe("failure", 1, 3), 50, "same"],
    ["a result of a later generation, which there is not, moves nothing", half, probe("failure", 1, 5), 50, "same"],
    ["a late result does not move an open breaker", open, probe("success"), 50, "same"],
    ["isolated stays so whatever comes", isolated, probe("success"), 50, "same"],
    ["isolated lets nothing through, ever", isolated, admit, 1e12, "same"],
    ["isolating twice is isolating once", isolated, { type: "isolate" }, 0, "same"],
    ["isolate a closed one", closed, { type: "isolate" }, 0, { tag: "isolated", generation: 5, reason: "isolated" }],
    ["isolate an open one", open, { type: "isolate" }, 0, { tag: "isolated", generation: 5, reason: "isolated" }],
    ["isolate a half-open one", half, { type: "isolate" }, 0, { tag: "isolated", generation: 5, reason: "isolated" }],
    ["restore an isolated one", isolated, { type: "restore" }, 0, { tag: "closed", generation: 5, reason: "restored" }],
    ["restore an open one", open, { type: "restore" }, 0, { tag: "closed", generation: 5, reason: "restored" }],
    ["restore a half-open one", half, { type: "restore" }, 0, { tag: "closed", generation: 5, reason: "restored" }],
    ["restore a closed one: it begins anew", closed, { type: "restore" }, 0, { tag: "closed", generation: 5, reason: "restored" }],
    ["disabling closes an open one", open, { type: "disable" }, 0, { tag: "closed", generation: 5, reason: "disabled" }],
    ["disabling closes a half-open one", half, { type: "disable" }, 0, { tag: "closed", generation: 5, reason: "disabled" }],
    ["disabling leaves a closed one", closed, { type: "disable" }, 0, "same"],
    ["disabling does not undo what a person has isolated", isolated, { type: "disable" }, 0, "same"],
    ["three of five are enough where the ratio is 0.6", after(2, 2), probe("success"), 0, { tag: "closed", reason: "probes-succeeded" }, ratio60],
    ["two of five are not yet", after(1, 2), probe("success"), 0, { tag: "half-open", successes: 2, failures: 2 }, ratio60],
    ["a second failure of five leaves three that can still succeed", after(0, 1), probe("failure"), 0, { tag: "half-open", failures: 2 }, ratio60],
    ["a third failure of five leaves too few", after(0, 2), probe("failure"), 0, { tag: "open", reason: "probe-failed" }, ratio60],
    ["a first opening lasts the base", closed, { type: "tripped", reason: "rate" }, 0, { until: 1000, reopenings: 0 }, growing],
    ["a first reopening lasts longer by the factor", { ...half, reopenings: 0 }, probe("failure"), 0, { until: 3000, reopenings: 1 }, growing],
    ["no opening lasts longer than the most", half, probe("failure"), 0, { until: 5000, reopenings: 2 }, growing],
    ["after a million reopenings it still lasts the most", { ...half, reopenings: 1e6 }, probe("failure"), 0, { until: 5000 }, growing]
  ])("%s", (_, from, event, now, to, held = settings) => {
    const next = step(from, event, now, held)
    if (to === "same") assert.strictEqual(next, from)
    else expect(next).toMatchObject(to)
  })

  it.each<[title: string, state: BreakerState, now: number, expected: number]>([
    ["a closed one has no bound", closed, 0, Infinity],
    ["an isolated one has none", isolated, 1e12, 0],
    ["an open one has none before its time", open, 999, 0],
    ["an open one has those of the probes when its time is over", open, 1000, 2],
    ["a half-open one has what no probe holds", half, 299, 1],
    ["a half-open one gets back what a lease gave up", half, 300, 2],
    ["a half-open one has used what has settled", { ...half, successes: 1 }, 300, 1],
    ["never less than none", { ...half, successes: 3 }, 0, 0]
  ])("places: %s", (_, state, now, expected) => assert.strictEqual(places(state, now, settings), expected))
})
