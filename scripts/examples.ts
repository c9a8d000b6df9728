/**
 * Every example in README, docs and doc comments compiles, and those marked `run` run: what they print is compared with the
 * `// =>` beside it. Errors are shown where the example stands.
 */
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { root } from "./rules/sources.ts"
import { run } from "./steps.ts"

export interface Example {
  readonly file: string
  /** Of its first line of code, from 1. */
  readonly line: number
  readonly code: string
  readonly runs: boolean
}

const fence = /^```ts([^\n]*)\n([\s\S]*?)^```/gm
const docExample = /^[ \t]*\* @example\n((?:[ \t]*\*(?!\/)[^\n]*\n)+?)[ \t]*\*(?:\/| @)/gm

const lineOf = (text: string, offset: number) => text.slice(0, offset).split("\n").length

export const examplesOf = (file: string, text: string): ReadonlyArray<Example> => {
  if (file.endsWith(".md")) {
    return [...text.matchAll(fence)].map(([, info, code = ""], index) => {
      const at = [...text.matchAll(fence)][index]!.index
      return { file, line: lineOf(text, at) + 1, code, runs: info!.trim() === "run" }
    })
  }
  return [...text.matchAll(docExample)].map((match) => ({
    file,
    line: lineOf(text, match.index) + 1,
    code: match[1]!.replaceAll(/^[ \t]*\* ?/gm, ""),
    runs: false
  }))
}

const collect = (): ReadonlyArray<Example> =>
  globSync(["README.md", "CONTRIBUTING.md", "docs/**/*.md", "packages/*/README.md", "sidecar/README.md", "packages/*/src/**/*.ts", "sidecar/src/**/*.ts"], { cwd: root })
    .toSorted()
    .flatMap((file) => examplesOf(file.replaceAll("\\", "/"), readFileSync(join(root, file), "utf8")))

const config = {
  extends: join(root, "tsconfig.base.json"),
  compilerOptions: { noEmit: true, customConditions: ["outrigger-source"], noUnusedLocals: false, module: "NodeNext", types: ["node"], typeRoots: [join(root, "node_modules/@types")] },
  include: ["*.ts"]
}

/** An example of what is not exported imports it as its neighbours do. */
const fromElsewhere = ({ code, file }: Example): string =>
  code.replaceAll(/(from ")(\.\.?\/)/g, (_, from: string, relative: string) => `${from}../../${dirname(file)}/${relative}`)

/** What a line like `console.log(x) // => 3` says it prints. */
const expected = (code: string): ReadonlyArray<string> => [...code.matchAll(/console\.log\(.*\/\/ => (.*)$/gm)].map(([, text]) => text!.trim())

const compile = async (folder: string, examples: ReadonlyArray<Example>): Promise<ReadonlyArray<string>> => {
  const { output } = await run("tsc", ["-p", folder, "--pretty", "false"])
  return output.split("\n").filter((line) => line.includes("error TS")).map((line) => {
    const [, number, at, message] = /example-(\d+)\.ts\((\d+),\d+\): error \w+: (.*)$/.exec(line) ?? []
    const example = number === undefined ? undefined : examples[Number(number)]
    return example === undefined ? line : `${example.file}:${example.line + Number(at) - 1} ${message}`
  })
}

const execute = async (path: string, example: Example): Promise<ReadonlyArray<string>> => {
  const { ok, output } = await run("node", ["--conditions", "outrigger-source", path])
  const where = `${example.file}:${example.line}`
  if (!ok) return [`${where} does not run:\n${output}`]
  return expected(example.code).filter((line) => !output.split("\n").includes(line)).map((line) => `${where} should print "${line}", but printed:\n${output}`)
}

/** All faults, where they stand. */
export const checkExamples = async (): Promise<ReadonlyArray<string>> => {
  const examples = collect()
  const folder = join(root, "test", ".examples")
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  try {
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config))
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }')
    const paths = examples.map((_, index) => join(folder, `example-${index}.ts`))
    examples.forEach((example, index) => writeFileSync(paths[index]!, `${fromElsewhere(example)}\nexport {}\n`))
    const faults = [...await compile(folder, examples)]
    for (const [index, example] of examples.entries()) if (example.runs) faults.push(...await execute(paths[index]!, example))
    console.log(`    ${examples.length} examples compiled, ${examples.filter(({ runs }) => runs).length} run (${relative(root, folder)})`)
    return faults
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
