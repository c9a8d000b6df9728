/**
 * `npm run demo`: the whole story in about a minute. A shop takes orders while its payment service slows down, fails and dies,
 * a handler loops for ever, and processes are killed; in the end every order is charged exactly once, as the payment service
 * itself counts. Exit code 0 says so. `npm run demo -- --bare` plays the same storm through the shop without Outrigger as well;
 * with `--verbose` all processes are heard.
 */
import { parseArgs } from "node:util"
import { patience } from "./demo/customers.ts"
import { Deployment } from "./demo/Deployment.ts"
import { Narrator, paintFor } from "./demo/Narrator.ts"
import { play } from "./demo/storm.ts"
import { type Column, tableOf } from "./demo/table.ts"
import { isPromiseKept } from "./demo/tally.ts"
import { withoutOutrigger, withOutrigger } from "./demo/Variant.ts"
import { readOrders } from "./orders.ts"

const { values: { bare: bareToo, verbose } } = parseArgs({
  options: { bare: { type: "boolean", default: false }, verbose: { type: "boolean", default: false } }
})
const print = (line: string) => console.log(line)
const paint = paintFor(process.stdout, process.env)

class Interrupted extends Error {}

/** Rejects when somebody wants the demo to end; a second signal changes nothing, for what remains is the cleaning up. */
const interrupted = new Promise<never>((_, reject) => {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => reject(new Interrupted(signal)))
})
interrupted.catch(() => {})

/** One run, from the first process to the last. */
const run = async (bare: boolean): Promise<Column> => {
  const deployment = await Deployment.make({ bare, onLine: (name, line) => { if (verbose) print(paint("dim", `         [${name}] ${line}`)) } })
  const variant = bare ? withoutOutrigger(deployment) : withOutrigger(deployment)
  const narrator = new Narrator(paint, print)
  const story = async (): Promise<Column> => {
    print(paint("bold", `\nThe shop ${bare ? "without Outrigger" : "with Outrigger"}\n`))
    narrator.say(`PostgreSQL, payments, ${bare ? "" : "the sidecar "}and the shop, each a process of its own`)
    await deployment.start()
    narrator.say(`all is up; health is at ${deployment.healthUrl}`)
    return { title: variant.title, figures: await play(deployment, variant, narrator) }
  }
  const played = story()
  played.catch(() => {}) // an interrupted one fails once more, when its processes are taken away
  try {
    return await Promise.race([played, interrupted])
  } catch (error) {
    if (!(error instanceof Interrupted)) for (const line of deployment.lastWords()) console.error(line)
    throw error
  } finally {
    await deployment.close()
  }
}

try {
  const columns = [await run(false), ...bareToo ? [await run(true)] : []]
  print("")
  for (const line of tableOf(columns, patience, paint)) print(line)
  print("\n  Charges are counted by the payment service: by order, idempotency key and fence. Errors are counted by the customers.")
  const kept = isPromiseKept(columns[0]!.figures, readOrders().length)
  print(paint(kept ? "green" : "red", kept ? "\n  Every order is in, and charged exactly once.\n" : "\n  The promise was not kept: see the table.\n"))
  process.exitCode = kept ? 0 : 1
} catch (error) {
  console.error(`\nThe demo did not come to its end: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}
process.exit()
