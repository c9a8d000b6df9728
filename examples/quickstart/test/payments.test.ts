import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, expect, it } from "vitest"
import { ask } from "../demo/ask.ts"
import { freePorts, Process } from "../demo/Process.ts"
import { until } from "../demo/until.ts"
import type { Counts } from "../ledger.ts"

const folder = mkdtempSync(join(tmpdir(), "payments-"))
let url: string
let payments: Process

beforeAll(async () => {
  const [port] = await freePorts(1)
  url = `http://127.0.0.1:${port}`
  payments = new Process({
    name: "payments",
    args: [fileURLToPath(new URL("../payments.ts", import.meta.url))],
    env: () => ({ PORT: String(port), LEDGER: join(folder, "ledger.jsonl") }),
    ready: async () => (await ask(`${url}/ledger`, 2000)).status === 200,
    onLine: () => {}
  })
  await payments.start()
})

afterAll(async () => {
  await payments.close()
  rmSync(folder, { recursive: true })
})

const behave = async (mode: string) => (await ask(`${url}/mode`, 5000, { mode })).status

const charge = (orderId: string, fence: string) =>
  fetch(`${url}/charges`, {
    method: "POST",
    headers: { "content-type": "application/json", "idempotency-key": orderId },
    body: JSON.stringify({ orderId, cents: 4200, currency: "EUR", fence })
  })

const counts = async () => (await ask(`${url}/ledger`, 5000)).body as Counts

it("charges, and answers a repeated key with the same receipt", async () => {
  const first = await (await charge("W-1", "1")).json()
  expect(first).toMatchObject({ verdict: "charged" })
  expect(await (await charge("W-1", "2")).json()).toEqual({ ...first as object, verdict: "repeated" })
})

it("refuses a fence that is lower than one it has seen", async () => {
  expect((await charge("W-1", "1")).status).toBe(409)
})

it("charges nothing while it fails", async () => {
  expect(await behave("fail")).toBe(200)
  expect((await charge("W-2", "1")).status).toBe(503)
  expect((await ask(`${url}/prices/DRYBAG-10L`, 5000)).status).toBe(503)
  expect(await counts()).toMatchObject({ ordersCharged: ["W-1"], turnedAway: 1 })
})

it("charges without ever answering while it hangs, and has forgotten nothing when it was killed", async () => {
  await behave("hang")
  const outcome = charge("W-3", "1").then(() => "answered", () => "cut off")
  const before = await until("the charge", 20_000, async () => {
    const now = await counts()
    return now.ordersCharged.includes("W-3") ? now : undefined
  })
  await payments.kill()
  expect(await outcome).toBe("cut off")
  await payments.start()
  expect(await counts()).toEqual(before)
  expect(await (await charge("W-3", "2")).json()).toMatchObject({ verdict: "repeated" })
})

it("tells prices, and knows which articles it does not have", async () => {
  expect((await ask(`${url}/prices/DRYBAG-10L`, 5000)).body).toEqual({ sku: "DRYBAG-10L", cents: 1990, currency: "EUR" })
  expect((await ask(`${url}/prices/SUBMARINE`, 5000)).status).toBe(404)
})

it("refuses nonsense, and says what is wrong", async () => {
  expect(await ask(`${url}/charges`, 5000, { orderId: "W-4", cents: -1, currency: "EUR" })).toMatchObject({
    status: 422, body: { error: expect.stringContaining("cents") }
  })
  expect(await ask(`${url}/mode`, 5000, { mode: "sulk" })).toMatchObject({ status: 422, body: { error: expect.stringContaining("flaky") } })
})
