/**
 * `npm run simulate`: plays a policy against a dependency that goes wrong, and shows what it is worth.
 *
 *   --scenario NAME|FILE   one of those that `--list` tells, or a JSON file of simulation options; "outage" unless said
 *   --policy FILE          a JSON file of policy options
 *   --without PARTS        play it also without these: budget,jitter,breaker,rateLimit,bulkhead,throttle,hedge,retry,naive
 *   --seed N               another chance
 *   --per-second N         another load
 *   --duration WORDS       longer or shorter: "5 minutes"
 *   --svg FILE             the picture: the policy and naive retries, or those of `--without`
 *   --title WORDS          over the picture
 *   --json FILE            everything, as data
 */
import { readFileSync, writeFileSync } from "node:fs"
import { basename } from "node:path"
import { parseArgs } from "node:util"
import { type PolicyOptions, Simulation } from "../packages/sdk/src/promise/index.ts"
import { type Scenario, scenarios, usualPolicy } from "./simulate/scenarios.ts"
import { table } from "./simulate/table.ts"

const text = { type: "string" } as const
const options = {
  "scenario": text, "policy": text, "without": text, "seed": text, "per-second": text, "duration": text,
  "svg": text, "title": text, "json": text, "list": { type: "boolean" }
} as const

type Values = ReturnType<typeof parseArgs<{ options: typeof options }>>["values"]

const readJson = (file: string): unknown => JSON.parse(readFileSync(file, "utf8"))

const scenarioOf = (name: string): Scenario => {
  const known = scenarios[name]
  if (known !== undefined) return known
  if (name.endsWith(".json")) return { about: name, options: readJson(name) as Simulation.Options }
  throw new Error(`no scenario is called ${name}: there are ${Object.keys(scenarios).join(", ")}, and files that end in .json`)
}

const play = (values: Values): void => {
  const { about, options, title = undefined } = scenarioOf(values.scenario ?? "outage")
  const policy = values.policy === undefined ? usualPolicy : readJson(values.policy) as PolicyOptions
  const parts = (values.without ?? "breaker,budget,jitter,retry,naive").split(",").filter((part) => part !== "") as ReadonlyArray<Simulation.Without>
  const results = Simulation.compare(policy, {
    ...options,
    name: values.policy === undefined ? "Outrigger" : basename(values.policy, ".json"),
    ...(values.seed !== undefined && { seed: Number(values.seed) }),
    ...(values["per-second"] !== undefined && { load: { ...options.load, perSecond: Number(values["per-second"]) } }),
    ...(values.duration !== undefined && { duration: values.duration as Simulation.Options["duration"] })
  }, parts)
  console.log(`The dependency ${about}.\n\n${table(results)}`)
  const drawn = values.without === undefined ? [results[0]!, results.at(-1)!] : results
  const wanted = values.title ?? (values.policy === undefined && values.without === undefined ? title : undefined)
  if (values.svg !== undefined) writeFileSync(values.svg, Simulation.plot(drawn, { title: wanted }))
  if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(results))
}

try {
  const { values } = parseArgs({ options })
  if (values.list) for (const [name, { about }] of Object.entries(scenarios)) console.log(`${name.padEnd(12)}${about}`)
  else play(values)
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}
