/** The command line: which command, with what; each command's own code is loaded only for it. */
import { existsSync, readFileSync } from "node:fs"
import { resolve } from "node:path"
import { pathToFileURL } from "node:url"
import { setFlagsFromString } from "node:v8"
import { parseArgs, type ParseArgsConfig } from "node:util"
import { type Given, readDatabaseUrl, readStartOptions, startOptions, UsageError } from "./options.ts"

const configFiles = ["outrigger.config.ts", "outrigger.config.mts", "outrigger.config.js", "outrigger.config.mjs"]

const parse = (args: ReadonlyArray<string>, options: NonNullable<ParseArgsConfig["options"]>) => {
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values
  } catch (error) {
    // Node's own sentence names the option; what follows it is advice for another case.
    throw new UsageError((error as Error).message.split(". To specify")[0]!)
  }
}

const readConfigFile = async (): Promise<Given> => {
  const file = configFiles.map((name) => resolve(name)).find((path) => existsSync(path))
  if (file === undefined) return {}
  try {
    const module = await import(pathToFileURL(file).href) as { readonly default?: unknown }
    if (typeof module.default === "object" && module.default !== null) return module.default as Given
  } catch (error) {
    throw new UsageError(`The config file ${file} does not load: ${error instanceof Error ? error.message : String(error)}`)
  }
  throw new UsageError(`The config file ${file} must export its options by default: export default { port: 7700 }`)
}

const start = async (args: ReadonlyArray<string>): Promise<number> => {
  const entries = Object.entries(startOptions).map(([name, option]) => [name, option.flag, "value" in option] as const)
  const values = parse(args, Object.fromEntries(entries.map(([, flag, takesValue]) => [flag, { type: takesValue ? "string" as const : "boolean" as const }])))
  const flags = Object.fromEntries(entries.map(([name, flag]) => [name, values[flag]])) as Given
  const options = readStartOptions(flags, process.env, await readConfigFile())
  // The agent makes little garbage: a young generation that grows to its usual size would be a fifth of all it weighs.
  setFlagsFromString("--semi-space-growth-factor=1")
  const { start } = await import("./start.ts")
  return start(options)
}

const askHealth = async (args: ReadonlyArray<string>): Promise<number> => {
  const values = parse(args, { url: { type: "string" }, token: { type: "string" } }) as { readonly url?: string; readonly token?: string }
  const { OUTRIGGER_HOST, OUTRIGGER_PORT, OUTRIGGER_TOKEN, OUTRIGGER_URL } = process.env
  const host = OUTRIGGER_HOST === undefined || OUTRIGGER_HOST === "0.0.0.0" || OUTRIGGER_HOST === "" ? "127.0.0.1" : OUTRIGGER_HOST
  const url = values.url ?? (OUTRIGGER_URL || `http://${host.includes(":") ? `[${host}]` : host}:${OUTRIGGER_PORT || 7700}`)
  if (!URL.canParse(url) || new URL(url).protocol !== "http:") throw new UsageError(`--url is ${JSON.stringify(url)}, but must be such as http://127.0.0.1:7700`)
  const { health } = await import("./health.ts")
  return health({ url, token: values.token ?? (OUTRIGGER_TOKEN || undefined), timeout: 3000 }, (line) => console.log(line))
}

const askDoctor = async (args: ReadonlyArray<string>): Promise<number> => {
  const values = parse(args, { "database-url": { type: "string" }, schema: { type: "string" }, json: { type: "boolean" } })
  const flag = values["database-url"]
  const said = flag !== undefined ? { value: flag, from: "--database-url" } : { value: process.env["DATABASE_URL"] || undefined, from: "DATABASE_URL" }
  const databaseUrl = readDatabaseUrl(said.value === undefined ? undefined : said)
  if (databaseUrl === undefined) throw new UsageError("Which database? Give --database-url, or set DATABASE_URL")
  const { doctor } = await import("./doctor.ts")
  const schema = values["schema"] ?? (process.env["OUTRIGGER_SCHEMA"] || undefined)
  return doctor({ databaseUrl, schema: schema as string | undefined, json: values["json"] === true }, (line) => console.log(line))
}

const version = (): string =>
  (JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { readonly version: string }).version

/** Runs a command; gives the exit code. */
export const main = async ([command, ...args]: ReadonlyArray<string>): Promise<number> => {
  try {
    if (command === "--version" || command === "-v") return console.log(version()), 0
    const asksForHelp = command === "help" || [command, ...args].some((arg) => arg === "--help" || arg === "-h")
    if (asksForHelp) return console.log((await import("./help.ts")).help()), 0
    if (command === "start") return await start(args)
    if (command === "health") return await askHealth(args)
    if (command === "doctor") return await askDoctor(args)
    throw new UsageError(command === undefined ? "Which command?" : `There is no command ${JSON.stringify(command)}`)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    console.error(`outrigger: ${error.message}\nSee outrigger --help`)
    return 2
  }
}
