import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { type ChargeRequest, openLedger } from "../ledger.ts"

const request = (more: Partial<ChargeRequest> = {}): ChargeRequest => ({ orderId: "W-1", cents: 4200, currency: "EUR", ...more })

describe("the payment service's ledger", () => {
  let folder: string
  let file: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "ledger-"))
    file = join(folder, "ledger.jsonl")
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it("answers a repeated key with the first receipt, and charges once", () => {
    const ledger = openLedger(file)
    const first = ledger.ask(request({ key: "W-1" }))
    expect(first.verdict).toBe("charged")
    expect(ledger.ask(request({ key: "W-1" }))).toMatchObject({ verdict: "repeated", receipt: first.receipt })
    expect(ledger.counts()).toMatchObject({ requests: 2, retries: 1, charges: 1, repeated: 1, chargedTwice: [] })
  })

  it("charges twice when asked twice without a key", () => {
    const ledger = openLedger(file)
    expect(ledger.ask(request()).receipt).not.toBe(ledger.ask(request()).receipt)
    expect(ledger.counts()).toMatchObject({ charges: 2, ordersCharged: ["W-1"], chargedTwice: ["W-1"] })
  })

  it("refuses a key that comes with another amount or currency", () => {
    const ledger = openLedger(file)
    ledger.ask(request({ key: "W-1" }))
    expect(ledger.ask(request({ key: "W-1", cents: 1 })).verdict).toBe("conflict")
    expect(ledger.ask(request({ key: "W-1", currency: "USD" })).verdict).toBe("conflict")
    expect(ledger.counts().charges).toBe(1)
  })

  it.each([
    { seen: "3", next: "2", verdict: "stale" },
    { seen: "3", next: "3", verdict: "repeated" },
    { seen: "3", next: "4", verdict: "repeated" },
    { seen: "9", next: "10", verdict: "repeated" },
    { seen: "10", next: "9", verdict: "stale" },
    { seen: "9007199254740993", next: "9007199254740992", verdict: "stale" }
  ])("having seen fence $seen, calls fence $next $verdict", ({ seen, next, verdict }) => {
    const ledger = openLedger(file)
    ledger.ask(request({ key: "W-1", fence: seen }))
    expect(ledger.ask(request({ key: "W-1", fence: next })).verdict).toBe(verdict)
    expect(ledger.counts().charges).toBe(1)
  })

  it("keeps the highest fence when a stale one has come between", () => {
    const ledger = openLedger(file)
    for (const fence of ["5", "2"]) ledger.ask(request({ key: "W-1", fence }))
    expect(ledger.ask(request({ key: "W-1", fence: "4" })).verdict).toBe("stale")
    expect(ledger.counts().stale).toBe(2)
  })

  it("remembers the highest fence of the requests that it turned away", () => {
    const ledger = openLedger(file)
    for (const fence of ["2", "1"]) ledger.turnAway(request({ key: "W-1", fence }))
    expect(ledger.ask(request({ key: "W-1", fence: "1" })).verdict).toBe("stale")
    expect(ledger.counts()).toMatchObject({ requests: 3, turnedAway: 2, charges: 0 })
  })

  it("counts what it turns away as a request, and charges nothing", () => {
    const ledger = openLedger(file)
    ledger.turnAway(request({ key: "W-1" }))
    expect(ledger.counts()).toMatchObject({ requests: 1, retries: 0, charges: 0, turnedAway: 1, ordersCharged: [] })
    expect(ledger.ask(request({ key: "W-1" })).verdict).toBe("charged")
  })

  it("has forgotten nothing when it is opened again", () => {
    const before = openLedger(file)
    const { receipt } = before.ask(request({ key: "W-1", fence: "7" }))
    before.turnAway(request({ orderId: "W-2", key: "W-2" }))
    before.ask(request({ orderId: "W-3" }))
    const after = openLedger(file)
    expect(after.counts()).toEqual(before.counts())
    expect(after.ask(request({ key: "W-1", fence: "7" }))).toMatchObject({ verdict: "repeated", receipt })
    expect(after.ask(request({ key: "W-1", fence: "6" })).verdict).toBe("stale")
  })

  it("drops a line that a kill cut short, and goes on writing whole ones", () => {
    openLedger(file).ask(request({ key: "W-1" }))
    appendFileSync(file, '{"orderId":"Wé')
    const ledger = openLedger(file)
    expect(ledger.counts().requests).toBe(1)
    ledger.ask(request({ orderId: "W-2", key: "W-2" }))
    expect(openLedger(file).counts()).toEqual(ledger.counts())
    expect(readFileSync(file, "utf8").split("\n")).toHaveLength(3)
  })
})
