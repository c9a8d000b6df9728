/** The rounds of one measurement: each asks every subject once, in an order of its own. */
import type { BenchOptions } from "../harness/options.ts"
import type { Measured } from "../harness/run.ts"
import { median, shuffled, spread } from "../harness/statistics.ts"
import { grouped } from "../harness/tables.ts"
import { caseNames, type Measurement, type TaskCase } from "./cases.ts"
import { type Figures, measure } from "./measure.ts"
import type { Server } from "./server.ts"
import type { SubjectName } from "./subjects.ts"

const digits: Partial<Record<TaskCase["unit"], number>> = { ms: 2, MB: 1 }

const figure = ({ name, unit }: TaskCase, figures: Figures): string => `${name} ${grouped(figures[name]!, digits[unit])} ${unit}`

const resultOf = ({ name, unit }: TaskCase, subject: SubjectName, rounds: ReadonlyArray<Figures>): Measured => {
  const values = rounds.map((figures) => figures[name]!)
  return { case: name, subject, median: Number(median(values).toFixed(digits[unit] ?? 0)), unit, rounds: values.length, spread: spread(values) }
}

export interface Outcome {
  readonly results: ReadonlyArray<Measured>
  /** What went wrong: such a round has no figure. */
  readonly faults: ReadonlyArray<string>
}

/** The medians of all that was asked for; says each figure as it comes. A round that fails does not take the others with it. */
export const runMeasurement = async (server: Server, measurement: Measurement, options: BenchOptions): Promise<Outcome> => {
  const cases = measurement.cases.filter(({ name }) => options.wants(name, caseNames))
  const subjects = cases.length === 0 ? [] : measurement.subjects.filter((name) => options.wantsSubject(name))
  const found = new Map(subjects.map((subject) => [subject, [] as Array<Figures>]))
  const faults: Array<string> = []
  const ask = async (subject: SubjectName): Promise<string> => {
    try {
      const figures = await measure(server, measurement, subject, options)
      found.get(subject)!.push(figures)
      return cases.map((one) => figure(one, figures)).join(", ")
    } catch (error) {
      const fault = `${cases[0]!.name}: ${(error as Error).message}`
      faults.push(`${subject}: ${fault}`)
      return fault
    }
  }
  for (let round = 1; round <= options.rounds; round++) {
    for (const subject of shuffled(subjects)) process.stderr.write(`${round}/${options.rounds} ${subject}: ${await ask(subject)}\n`)
  }
  const results = subjects.filter((subject) => found.get(subject)!.length > 0)
    .flatMap((subject) => cases.map((one) => resultOf(one, subject, found.get(subject)!)))
  return { results, faults }
}
