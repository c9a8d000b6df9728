import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, expect, it, vi } from "vitest"
import { createTestKit, type TestKit } from "@outrigger/sdk/testing"
import { ChargeOrder } from "../charge-order.ts"
import { type KeptLedger, openLedger, type Verdict } from "../ledger.ts"
import handlers from "../tasks.ts"

/** The statements that reach the shop's database. */
const { query } = vi.hoisted(() => ({ query: vi.fn(async (..._: ReadonlyArray<unknown>) => ({ rows: [] })) }))
vi.mock("pg", () => ({ Pool: class { on = () => {}; query = query } }))

const status: Record<Verdict, number> = { charged: 200, repeated: 200, stale: 409, conflict: 422, "turned away": 503 }
const order = { orderId: "W-1", cents: 4200, currency: "EUR" }

let folder: string
let ledger: KeptLedger
let kit: TestKit

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tasks-"))
  ledger = openLedger(join(folder, "ledger.jsonl"))
  kit = createTestKit({ handlers })
  query.mockClear()
  vi.stubGlobal("fetch", async (_: string, { body, headers }: { readonly body: string; readonly headers: Readonly<Record<string, string>> }) => {
    const { receipt, verdict } = ledger.ask({ ...JSON.parse(body) as typeof order, key: headers["idempotency-key"] })
    return Response.json({ verdict, receipt }, { status: status[verdict] })
  })
})

afterEach(() => {
  vi.unstubAllGlobals()
  rmSync(folder, { recursive: true })
})

it("charges an order, and writes its receipt down", async () => {
  expect(await kit.perform(ChargeOrder, order)).toEqual({ receipt: "R-1" })
  expect(query).toHaveBeenCalledWith(expect.stringContaining("update orders"), ["W-1", "R-1"])
})

it("charges once, however often the task is delivered, and refuses the runner that is thought dead", async () => {
  kit.faults.deliverTwice(await kit.outrigger.enqueue(ChargeOrder, order))
  expect(await kit.drain()).toMatchObject({ succeeded: 1, refused: 1 })
  expect(ledger.counts()).toMatchObject({ charges: 1, stale: 1, chargedTwice: [] })
})

it("charges once when the runner dies between the charge and its task's end", async () => {
  await kit.outrigger.enqueue(ChargeOrder, order)
  kit.faults.killWorker()
  expect(await kit.drain()).toMatchObject({ succeeded: 1, refused: 1 })
  expect(ledger.counts()).toMatchObject({ charges: 1, repeated: 1, chargedTwice: [] })
})
