/** What the workers can run, as the agent knows it: names, defaults, and payload schemas made into checks. */
import { Task, TaskStore } from "@outrigger/sdk"
import * as Effect from "effect/Effect"
import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js"
import formatsPlugin from "ajv-formats"

/** Workers announce themselves now and then: what was read is good for this long, ms. */
const freshFor = 1000
/** Of one payload; a hundred say no more than these. */
const issueLimit = 20

type TaskDefinition = TaskStore.TaskDefinition
type Issue = Task.InvalidPayload["issues"][number]

// CommonJS that says `export default`: its default is one level further down.
const addFormats = formatsPlugin as unknown as typeof formatsPlugin.default

const keys = (pointer: string): ReadonlyArray<string | number> =>
  pointer.split("/").slice(1).map((key) => {
    const plain = key.replaceAll("~1", "/").replaceAll("~0", "~")
    return /^(?:0|[1-9]\d*)$/.test(plain) ? Number(plain) : plain
  })

/** The path names the field itself where it is missing, or not expected, too. */
const issueOf = ({ instancePath, keyword, message = "is not valid", params }: ErrorObject): Issue => {
  const path = keys(instancePath)
  if (keyword === "required") return { path: [...path, String(params["missingProperty"])], message: "is missing" }
  if (keyword === "additionalProperties") return { path: [...path, String(params["additionalProperty"])], message: "is not expected" }
  return { path, message: keyword === "enum" ? `${message}: ${JSON.stringify(params["allowedValues"])}` : message }
}

export class Definitions {
  private readonly store: TaskStore.Service
  private readonly now: () => number
  private readonly ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: true })
  private readonly checks = new Map<string, { readonly schema: string; readonly check: ValidateFunction | undefined }>()
  private known: ReadonlyArray<TaskDefinition> = []
  private readAt = -Infinity

  /** `now` is monotonic, ms. */
  constructor(store: TaskStore.Service, now: () => number) {
    this.store = store
    this.now = now
    addFormats(this.ajv)
  }

  /** All of them, no older than `freshFor`. */
  readonly all: Effect.Effect<ReadonlyArray<TaskDefinition>, Task.StoreUnavailable> = Effect.suspend(() =>
    this.now() - this.readAt < freshFor ? Effect.succeed(this.known) : Effect.tap(this.store.definitions, (definitions) => Effect.sync(() => {
      this.known = definitions
      this.readAt = this.now()
    }))
  )

  /** The newest version, unless one is named. */
  find(name: string, version: number | undefined): Effect.Effect<TaskDefinition, Task.UnknownTask | Task.StoreUnavailable> {
    return Effect.flatMap(this.all, (definitions) => {
      const fitting = definitions.filter((definition) => definition.name === name && (version === undefined || definition.version === version))
      const newest = fitting.reduce<TaskDefinition | undefined>((best, one) => best === undefined || one.version > best.version ? one : best, undefined)
      return newest === undefined ? Effect.fail(new Task.UnknownTask(name)) : Effect.succeed(newest)
    })
  }

  /** What the task's schema has against a payload; nothing where it has no schema. */
  issues(definition: TaskDefinition, payload: unknown): ReadonlyArray<Issue> {
    const check = this.checkOf(definition)
    return check === undefined || check(payload) ? [] : (check.errors ?? []).slice(0, issueLimit).map(issueOf)
  }

  private checkOf({ name, payloadSchema, version }: TaskDefinition): ValidateFunction | undefined {
    if (payloadSchema === undefined || payloadSchema === null) return undefined
    const route = `${name} v${version}`
    const schema = JSON.stringify(payloadSchema)
    const compiled = this.checks.get(route)
    if (compiled?.schema === schema) return compiled.check
    const check = this.compile(payloadSchema)
    this.checks.set(route, { schema, check })
    return check
  }

  /** A schema that is beyond the validator checks nothing here; the worker checks the payload again in any case. */
  private compile(schema: unknown): ValidateFunction | undefined {
    try {
      return this.ajv.compile(schema as object)
    } catch {
      return undefined
    } finally {
      this.ajv.removeSchema() // else two versions that share an $id could not both be compiled
    }
  }
}
