/** `outrigger start`: the agent until a signal, in plain words. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import type { TaskStore } from "@outrigger/sdk"
import { type Running, startAgent } from "../agent/Agent.ts"
import { printRoutes } from "../agent/http/routes.ts"
import type { StartOptions } from "./options.ts"
import { checkSchema } from "./schema.ts"
import { whenAskedToStop, whenForced } from "./signals.ts"

const print = (line: string) => console.log(line)

/** What a payload may look like, from its JSON Schema: enough for a first curl. */
export const exampleOf = (schema: unknown, depth = 0): unknown => {
  if (typeof schema !== "object" || schema === null || depth > 4) return {}
  const { anyOf, const: constant, default: fallback, enum: values, examples, items, minimum, properties, required, type } = schema as Record<string, any>
  if (examples?.length > 0) return examples[0]
  if (fallback !== undefined) return fallback
  if (constant !== undefined) return constant
  if (values?.length > 0) return values[0]
  if (anyOf?.length > 0) return exampleOf(anyOf[0], depth + 1)
  switch (Array.isArray(type) ? type[0] : type) {
    case "string": return "text"
    case "integer":
    case "number": return Math.max(1, minimum ?? 1)
    case "boolean": return true
    case "null": return null
    case "array": return [exampleOf(items, depth + 1)]
    default: {
      const needed = Object.entries(properties ?? {}).filter(([name]) => required === undefined || required.includes(name))
      return Object.fromEntries(needed.map(([name, property]) => [name, exampleOf(property, depth + 1)]))
    }
  }
}

const curl = (base: string, { name, payloadSchema }: TaskStore.TaskDefinition, token: boolean): string => {
  const payload = JSON.stringify({ payload: exampleOf(payloadSchema) }).replaceAll("'", "'\\''")
  return [
    `  curl -X POST ${base}/v1/tasks/${name} \\`,
    ...(token ? ['    -H "authorization: Bearer $OUTRIGGER_TOKEN" \\'] : []),
    `    -H 'content-type: application/json' -d '${payload}'`
  ].join("\n")
}

/** What runs, and where, and what to do with it. */
export const banner = ({ database, definitions, port, runners }: Running, { host, tasks, token, verbose }: StartOptions): string => {
  const name = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host
  const base = `http://${name.includes(":") ? `[${name}]` : name}:${port}`
  const names = new Set(runners.flatMap((runner) => runner.tasks.map((task) => task.name)))
  const [firstName] = names
  const first = definitions.find((definition) => definition.name === firstName)
  return [
    "",
    `Outrigger runs on ${base}`,
    `  health    ${base}/health   (also /livez, /readyz, /startupz)`,
    `  docs      ${base}/docs`,
    `  database  ${database}`,
    ...(tasks === undefined
      ? ["  tasks     none: start it with --tasks FILE to run some"]
      : [
        `  tasks     ${[...names].join(", ")}`,
        `            from ${tasks}, in ${runners.map(({ pid }) => `process ${pid}`).join(", ")}`
      ]),
    ...(first === undefined ? [] : ["Enqueue one:", curl(base, first, token !== undefined)]),
    ...(verbose ? ["Routes and the right each needs:", printRoutes()] : []),
    "Ctrl-C stops it.",
    ""
  ].join("\n")
}

/** Whether another Outrigger answers where we wanted to listen. */
const neighbour = async (host: string, port: number): Promise<string> => {
  try {
    const response = await fetch(`http://${host}:${port}/livez`, { signal: AbortSignal.timeout(500) })
    return response.headers.get("content-type") === "application/health+json" ? " (it is another Outrigger sidecar)" : ""
  } catch {
    return ""
  }
}

const explain = async (error: unknown, { host, port }: StartOptions): Promise<string> => {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause as NodeJS.ErrnoException | undefined
  return cause?.code === "EADDRINUSE" ? `${error.message}${await neighbour(host, port)}` : error.message
}

/** Runs until the first signal; gives the exit code. */
export const start = async (options: StartOptions): Promise<number> => {
  checkSchema(options.schema)
  const program = Effect.scoped(Effect.gen(function*() {
    print(banner(yield* startAgent({ ...options, print }, whenForced), options))
    return yield* Effect.never
  })).pipe(Effect.provide(Logger.layer([Logger.consoleLogFmt])))
  const fiber = Effect.runFork(program)
  let stopping = false
  whenAskedToStop((signal) => {
    stopping = true
    print(`${signal}: stopping; a second one forces it`)
    fiber.interruptUnsafe()
  })
  return new Promise((resolve) => fiber.addObserver((exit) => {
    if (stopping) {
      print("Stopped")
      return resolve(0)
    }
    const error = exit._tag === "Failure" ? Cause.squash(exit.cause) : undefined
    void explain(error, options).then((message) => {
      console.error(`outrigger: ${message}`)
      if (options.verbose) console.error(error)
      resolve(1)
    })
  }))
}
