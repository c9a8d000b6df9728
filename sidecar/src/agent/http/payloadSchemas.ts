/** JSON Schemas (draft 2020-12) of payloads as checks. Loaded with the first schema that is needed: the validator is large. */
import type { Task, TaskStore } from "@outrigger/sdk"
import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js"
import formatsPlugin from "ajv-formats"

/** Of one payload; a hundred say no more than these. */
const issueLimit = 20

export type Issue = Task.InvalidPayload["issues"][number]

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

export class PayloadSchemas {
  private readonly ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: true })
  private readonly checks = new Map<string, { readonly schema: string; readonly check: ValidateFunction | undefined }>()

  constructor() {
    addFormats(this.ajv)
  }

  /** What the task's schema has against a payload. */
  issues(definition: TaskStore.TaskDefinition, payload: unknown): ReadonlyArray<Issue> {
    const check = this.checkOf(definition)
    return check === undefined || check(payload) ? [] : (check.errors ?? []).slice(0, issueLimit).map(issueOf)
  }

  private checkOf({ name, payloadSchema, version }: TaskStore.TaskDefinition): ValidateFunction | undefined {
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
