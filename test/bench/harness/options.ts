/**
 * The command line that all benchmarks share:
 *
 *   --quick        few and short rounds, for a look
 *   --rounds N     as many rounds
 *   --case NAME    only cases whose name has NAME in it; may be given again
 *   --subject NAME only subjects whose name has NAME in it; may be given again
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
  readonly wants: (name: string, whole?: ReadonlyArray<string>) => boolean
  readonly wantsSubject: (name: string) => boolean
  readonly json: string | undefined
  readonly write: boolean
  /** Of Node's module resolution: none for the packages as published. */
  readonly conditions: ReadonlyArray<string>
}

/** Whether a name is wanted: has one of the parts in it. Without parts, all are. A part that is one of `whole` means that name alone. */
const among = (parts: ReadonlyArray<string>) => (name: string, whole: ReadonlyArray<string> = []): boolean =>
  parts.length === 0 || parts.some((part) => whole.includes(part) ? name === part : name.includes(part))

/** How many rounds there are when nobody says. */
export interface Rounds {
  readonly full: number
  readonly quick: number
}

export const readOptions = (args: ReadonlyArray<string>, usual: Rounds = { full: 9, quick: 3 }): BenchOptions => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: "boolean", default: false },
      rounds: { type: "string" },
      case: { type: "string", multiple: true, default: [] },
      subject: { type: "string", multiple: true, default: [] },
      json: { type: "string" },
      write: { type: "boolean", default: false },
      source: { type: "boolean", default: false }
    }
  })
  const { case: cases, json, quick, rounds = String(quick ? usual.quick : usual.full), source, subject, write } = values
  if (!/^[1-9]\d*$/.test(rounds)) throw new TypeError(`--rounds is ${rounds}, but must be a whole number from 1`)
  return {
    quick,
    rounds: Number(rounds),
    ...quick ? { roundMillis: 40, warmMillis: 150 } : { roundMillis: 80, warmMillis: 250 },
    wants: among(cases),
    wantsSubject: among(subject),
    json,
    write,
    conditions: source ? ["outrigger-source"] : []
  }
}
