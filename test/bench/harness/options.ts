/**
 * The command line that all benchmarks share:
 *
 *   --quick        few and short rounds, for a look
 *   --rounds N     as many rounds
 *   --case NAME    only cases whose name has NAME in it; may be given again
 *   --json FILE    write the medians there
 *   --write        write the tables into docs/benchmarks.md
 *   --source       measure the sources in place of what is built
 */
import { parseArgs } from "node:util"

export interface BenchOptions {
  readonly quick: boolean
  readonly rounds: number
  readonly roundMillis: number
  readonly warmMillis: number
  readonly wants: (name: string) => boolean
  readonly json: string | undefined
  readonly write: boolean
  /** Of Node's module resolution: none for the packages as published. */
  readonly conditions: ReadonlyArray<string>
}

export const readOptions = (args: ReadonlyArray<string>): BenchOptions => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: "boolean", default: false },
      rounds: { type: "string" },
      case: { type: "string", multiple: true, default: [] },
      json: { type: "string" },
      write: { type: "boolean", default: false },
      source: { type: "boolean", default: false }
    }
  })
  const { case: cases, json, quick, rounds = quick ? "3" : "9", source, write } = values
  if (!/^[1-9]\d*$/.test(rounds)) throw new TypeError(`--rounds is ${rounds}, but must be a whole number from 1`)
  return {
    quick,
    rounds: Number(rounds),
    ...quick ? { roundMillis: 40, warmMillis: 150 } : { roundMillis: 80, warmMillis: 250 },
    wants: (name) => cases.length === 0 || cases.some((part) => name.includes(part)),
    json,
    write,
    conditions: source ? ["outrigger-source"] : []
  }
}
