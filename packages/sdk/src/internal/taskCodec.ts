/** Between a task's typed values and the JSON that a store holds. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import { InvalidPayload, type PayloadIssue } from "../core/tasks/taskErrors.ts"

const formatIssues = SchemaIssue.makeFormatterStandardSchemaV1()

/** What a schema objects to, with the path of each field. */
export const issuesOf = (error: Schema.SchemaError): ReadonlyArray<PayloadIssue> =>
  formatIssues(error.issue).issues.map((issue) => ({
    message: issue.message,
    path: (issue.path ?? []).map((segment) => {
      const key = typeof segment === "object" ? segment.key : segment
      return typeof key === "number" ? key : String(key)
    })
  }))

/** JSON Schema of what is enqueued. A schema that has none only leaves the agent unable to check payloads beforehand. */
export const jsonSchemaOf = (schema: Schema.Top): unknown => {
  try {
    return Schema.toStandardJSONSchemaV1(schema)["~standard"].jsonSchema.input({ target: "draft-2020-12" })
  } catch {
    return undefined
  }
}

/** The codecs of one task: everything is JSON outside. */
export const codecsOf = <P extends Schema.Top, S extends Schema.Top, E extends Schema.Top>(
  name: string,
  { error, payload, success }: { readonly payload: P; readonly success: S; readonly error: E }
) => {
  const refuse = Effect.mapError((error: Schema.SchemaError) => new InvalidPayload(name, issuesOf(error)))
  const all = { errors: "all" } as const
  const encodePayload = Schema.encodeEffect(Schema.toCodecJson(payload), all)
  const decodePayload = Schema.decodeUnknownEffect(Schema.toCodecJson(payload), all)
  return {
    encodePayload: (value: P["Type"]) => refuse(encodePayload(value)),
    decodePayload: (value: unknown) => refuse(decodePayload(value)),
    encodeSuccess: Schema.encodeEffect(Schema.toCodecJson(success)),
    decodeSuccess: Schema.decodeUnknownEffect(Schema.toCodecJson(success)),
    isError: Schema.is(error),
    encodeError: Schema.encodeEffect(Schema.toCodecJson(error)),
    decodeError: Schema.decodeUnknownEffect(Schema.toCodecJson(error))
  }
}

/** The one error that a cause is about: its first failure, or else its first defect. */
export const errorOf = (cause: Cause.Cause<unknown>): unknown => Cause.squash(cause)
