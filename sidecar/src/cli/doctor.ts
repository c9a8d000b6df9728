/** `outrigger doctor`: looks at the database, and says what is wrong with it and what to do. */
import { Doctor } from "@outrigger/postgres"
import { PgClient } from "@effect/sql-pg"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { troubleOf, withoutPassword } from "../agent/database.ts"
import { checkSchema } from "./schema.ts"

export interface DoctorOptions {
  readonly databaseUrl: string
  readonly schema: string | undefined
  readonly json: boolean
}

const marks = { warn: "warn", fail: "FAIL" } as const

const wrap = (text: string, width: number, indent: string): string => {
  const lines: Array<string> = [""]
  for (const word of text.split(" ")) {
    const last = lines.at(-1)!
    if (last !== "" && last.length + 1 + word.length > width) lines.push(word)
    else lines[lines.length - 1] = last === "" ? word : `${last} ${word}`
  }
  return lines.join(`\n${indent}`)
}

const shown = ({ checks, findings, server }: Doctor.Diagnosis, url: string): string => {
  const head = `PostgreSQL ${server} at ${withoutPassword(url)}`
  const well = checks.filter((check) => !findings.some((finding) => finding.check === check))
  const bad = findings.map(({ advice, check, found, severity }) =>
    `${marks[severity]}  ${check}\n      ${wrap(found, 110, "      ")}\n    > ${wrap(advice, 110, "      ")}`)
  return [head, "", ...bad, `ok    ${well.join(", ")}`].join("\n")
}

/** Prints the diagnosis; the exit code: 0 when all is well, 1 when something was found or the database cannot be asked. */
export const doctor = ({ databaseUrl, json, schema }: DoctorOptions, print: (line: string) => void): Promise<number> => {
  checkSchema(schema)
  const client = PgClient.layer({ url: Redacted.make(databaseUrl), applicationName: "outrigger doctor", maxConnections: 1, connectTimeout: "5 seconds", prepare: false })
  return Effect.runPromise(Doctor.diagnose({ schema }).pipe(Effect.provide(client), Effect.match({
    onSuccess: (diagnosis) => {
      print(json ? JSON.stringify(diagnosis, null, 2) : shown(diagnosis, databaseUrl))
      return diagnosis.findings.length === 0 ? 0 : 1
    },
    onFailure: (error) => {
      const { code, message } = troubleOf(error)
      print(`The database at ${withoutPassword(databaseUrl)} cannot be asked: ${message}${code === undefined ? "" : ` (${code})`}`)
      return 1
    }
  })))
}
