/** The process of one subject in one case: makes it, warms it, then measures a round whenever it is asked. */
import { measures, warm } from "./measures.ts"
import type { Measure, Subject } from "./suite.ts"

export interface Order {
  readonly measure: Measure
  readonly millis: number
}

const [module, name, millis] = process.argv.slice(2)
const { default: subject } = await import(module!) as { readonly default: Subject }
const loop = await subject[name!]!()
await warm(loop, Number(millis))

process.on("message", async ({ measure, millis }: Order) => process.send!(await measures[measure](loop, millis)))
process.on("disconnect", () => process.exit())
process.send!("warm")
