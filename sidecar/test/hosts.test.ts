import { assert, describe, it } from "vitest"
import { Hosts } from "../src/agent/health/hosts.ts"

type Report = Parameters<Hosts["accept"]>[0]

const report = (over: Partial<Report> = {}): Report => ({
  service: "shop", instance: "a", sequence: 1, lease: 15_000, deltas: {},
  report: { status: "pass", checks: { "payments:breaker": [{ status: "pass", observedValue: "closed", criticality: "degrades" }] } },
  ...over
})

/** Hosts under a clock that the test moves. */
const hostsAt = () => {
  const clock = { now: 0 }
  return { clock, hosts: new Hosts(() => clock.now) }
}
const statusOf = (hosts: Hosts): string | undefined => hosts.checks()["host/shop"]?.map(({ status }) => status).join()

describe("the hosts' reports", () => {
  it("show each host, and its own checks under its name", () => {
    const { hosts } = hostsAt()
    hosts.accept(report())
    const checks = hosts.checks()
    assert.deepStrictEqual(Object.keys(checks), ["host/shop", "shop/payments:breaker"])
    assert.deepInclude(checks["shop/payments:breaker"]![0], { status: "pass", observedValue: "closed" })
    assert.deepInclude(checks["host/shop"]![0], { status: "pass", observedValue: "reporting" })
  })

  it("say what a host says of itself", () => {
    const { hosts } = hostsAt()
    hosts.accept(report({ report: { status: "fail" } }))
    assert.strictEqual(statusOf(hosts), "fail")
  })

  it("turn unknown when the lease is over, fail when another has passed, and forget what the host said of others", () => {
    const { clock, hosts } = hostsAt()
    hosts.accept(report())
    clock.now = 14_999
    assert.strictEqual(statusOf(hosts), "pass")
    clock.now = 15_000
    assert.strictEqual(statusOf(hosts), "warn")
    assert.deepInclude(hosts.checks()["host/shop"]![0], { observedValue: "unknown", why: "unknown: no report from shop for 15s" })
    assert.notProperty(hosts.checks(), "shop/payments:breaker")
    clock.now = 30_000
    assert.strictEqual(statusOf(hosts), "fail")
    assert.deepInclude(hosts.checks()["host/shop"]![0], { observedValue: "silent", why: "shop has been silent for 30s and did not say goodbye" })
  })

  it("recover with the next report", () => {
    const { clock, hosts } = hostsAt()
    hosts.accept(report())
    clock.now = 60_000
    hosts.accept(report({ sequence: 2 }))
    assert.strictEqual(statusOf(hosts), "pass")
  })

  it("let a host that says goodbye go quietly", () => {
    const { hosts } = hostsAt()
    hosts.accept(report())
    hosts.accept(report({ sequence: 2, final: true }))
    assert.deepStrictEqual(hosts.checks(), {})
  })

  it("forget a silent instance when another of its service reports", () => {
    const { clock, hosts } = hostsAt()
    hosts.accept(report())
    clock.now = 60_000
    hosts.accept(report({ instance: "b" }))
    assert.deepStrictEqual(hosts.views().map(({ instance }) => instance), ["b"])
  })

  it("are not moved by one that was overtaken", () => {
    const { hosts } = hostsAt()
    hosts.accept(report({ sequence: 5 }))
    hosts.accept(report({ sequence: 4, report: { status: "fail" } }))
    assert.strictEqual(statusOf(hosts), "pass")
  })

  it("let nothing through but what an entry may hold", () => {
    const { hosts } = hostsAt()
    hosts.accept(report({ report: { status: "excellent", checks: {
      good: [{ status: "warn", why: "x".repeat(5000), secret: "s", criticality: "enormous" }],
      bad: [{ status: "wonderful" }, null, 7],
      worse: "no array"
    } } }))
    const checks = hosts.checks()
    assert.deepStrictEqual(checks["shop/good"], [{ status: "warn", criticality: "degrades", why: "x".repeat(500) }])
    assert.deepStrictEqual([checks["shop/bad"], checks["shop/worse"]], [[], []])
    assert.strictEqual(statusOf(hosts), "warn")
  })

  it("stay within bounds, whatever comes", () => {
    const { hosts } = hostsAt()
    const checks = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`c${index}`, [{ status: "pass" }]]))
    for (let index = 0; index < 600; index++) hosts.accept(report({ instance: `i${index}`, report: { status: "pass", checks } }))
    assert.lengthOf(hosts.views(), 500)
    assert.isAtMost(Object.keys(hosts.checks()).length, 101)
  })
})
