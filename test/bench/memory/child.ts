/** The process of one subject in one case: runs it in equal parts, and tells the heap's size after each. */
import { setTimeout as pause } from "node:timers/promises"
import type { Subject } from "../harness/suite.ts"

const [module, name, part, parts] = process.argv.slice(2)
const { default: subject } = await import(module!) as { readonly default: Subject }
const loop = await subject[name!]!()

/** Twice, with a turn of the event loop before each: finalizers run in between, and what they let go of goes too. */
const heap = async (): Promise<number> => {
  for (let n = 0; n < 2; n++) {
    await pause(1)
    globalThis.gc!()
  }
  return process.memoryUsage().heapUsed
}

const heaps: Array<number> = []
for (let n = 0; n < Number(parts); n++) {
  await loop(Number(part))
  heaps.push(await heap())
}
process.send!(heaps)
process.disconnect()
