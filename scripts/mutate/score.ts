/** What the mutants say of the tests. */
import type { Equivalent } from "./equivalents.ts"

/** Of a hundred that can be told from the original, how many must die. */
export const leastScore = 95

/** Lines and columns, from 1. */
interface Position {
  readonly line: number
  readonly column: number
}

/** One that hangs, or does the same thing over and over, has died too. */
export type Fate = "killed" | "hung" | "alive"

export interface Mutant {
  readonly file: string
  readonly line: number
  /** The lines that it changes, before and after, on one line each. */
  readonly before: string
  readonly after: string
  readonly fate: Fate
}

export interface FileScore {
  readonly file: string
  readonly mutants: number
  readonly killed: number
  readonly hung: number
  readonly survived: number
  readonly equivalent: number
  readonly percent: number
}

export interface Score {
  readonly files: ReadonlyArray<FileScore>
  readonly survivors: ReadonlyArray<Mutant>
  /** Called equivalent, but a test killed them, or nobody made them: the list is old. */
  readonly stale: ReadonlyArray<Equivalent>
  readonly percent: number
}

const offsetOf = (lines: ReadonlyArray<string>, { column, line }: Position): number =>
  lines.slice(0, line - 1).reduce((sum, { length }) => sum + length + 1, 0) + column - 1

const onOneLine = (text: string): string => text.trim().replace(/\s+/g, " ")

/** The whole lines around a mutation, before and after. */
export const mutated = (text: string, { end, start }: { readonly start: Position; readonly end: Position }, replacement: string): Pick<Mutant, "before" | "after"> => {
  const lines = text.split("\n")
  const from = offsetOf(lines, { line: start.line, column: 1 })
  const to = from + lines.slice(start.line - 1, end.line).join("\n").length
  const after = text.slice(from, offsetOf(lines, start)) + replacement + text.slice(offsetOf(lines, end), to)
  return { before: onOneLine(text.slice(from, to)), after: onOneLine(after) }
}

const percentOf = (dead: number, of: number): number => of === 0 ? 100 : Math.floor(dead / of * 10_000) / 100

export const scoreOf = (files: ReadonlyArray<string>, mutants: ReadonlyArray<Mutant>, equivalents: ReadonlyArray<Equivalent>): Score => {
  const isThis = (mutant: Mutant, { file, mutated, original }: Equivalent) =>
    mutant.fate === "alive" && mutant.file.endsWith(`core/${file}`) && mutant.before === original && mutant.after === mutated
  const isEquivalent = (mutant: Mutant) => equivalents.some((one) => isThis(mutant, one))
  const survivors = mutants.filter((mutant) => mutant.fate === "alive" && !isEquivalent(mutant))
    .toSorted((a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line)
  const scored = files.map((file): FileScore => {
    const all = mutants.filter((mutant) => mutant.file === file && !isEquivalent(mutant))
    const of = (fate: Fate) => all.filter((mutant) => mutant.fate === fate).length
    const equivalent = mutants.filter((mutant) => mutant.file === file && isEquivalent(mutant)).length
    const survived = of("alive")
    return { file, mutants: all.length, killed: of("killed"), hung: of("hung"), survived, equivalent, percent: percentOf(all.length - survived, all.length) }
  })
  const total = scored.reduce((sum, { mutants }) => sum + mutants, 0)
  return {
    files: scored,
    survivors,
    stale: equivalents.filter((one) => files.some((file) => file.endsWith(`core/${one.file}`)) && !mutants.some((mutant) => isThis(mutant, one))),
    percent: percentOf(total - survivors.length, total)
  }
}

const row = (name: string, ...cells: ReadonlyArray<string | number>): string => name.padEnd(38) + cells.map((cell) => String(cell).padStart(11)).join("")

export const render = ({ files, percent, stale, survivors }: Score): string => [
  ...survivors.map(({ after, before, file, line }) => `${file}:${line}\n  - ${before}\n  + ${after}\n`),
  ...stale.map(({ file, mutated, original }) => `scripts/mutate/equivalents.ts calls equivalent what nobody made of ${file}, or a test kills:\n  - ${original}\n  + ${mutated}\n`),
  row("core", "mutants", "killed", "hung", "survived", "equivalent", "score"),
  ...files.map(({ equivalent, file, hung, killed, mutants, percent, survived }) => row(file, mutants, killed, hung, survived, equivalent, `${percent} %`)),
  `\n${percent} % of the mutants died; at least ${leastScore} % must`
].join("\n")
