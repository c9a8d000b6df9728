/** The options of `outrigger start`: a flag, a variable, or the config file; the earlier wins. */
import { hostname } from "node:os"
import { resolve } from "node:path"

/** The command line cannot be understood: exit code 2. */
export class UsageError extends Error {}

export interface StartOptions {
  /** The handlers file, absolute; without one there is no runner. */
  readonly tasks: string | undefined
  /** Without one a PostgreSQL is started in the data folder. */
  readonly databaseUrl: string | undefined
  /** In which schema of it; `outrigger` unless said. */
  readonly schema: string | undefined
  readonly data: string
  readonly host: string
  readonly port: number
  readonly token: string | undefined
  readonly allowHosts: ReadonlyArray<string>
  readonly runners: number
  /** Of each runner's heap, in MiB. */
  readonly runnerMemory: number | undefined
  /** How many tasks each runner works on at once. */
  readonly concurrency: number | undefined
  /** Of an attempt whose task says nothing else, ms. */
  readonly taskTimeout: number | undefined
  /** How long finished tasks are kept, ms. */
  readonly keepSucceeded: number | undefined
  readonly keepDead: number | undefined
  /** Milliseconds, all three. */
  readonly startupTimeout: number
  readonly drainTimeout: number
  readonly killAfter: number
  readonly verbose: boolean
}

interface Option {
  readonly flag: string
  readonly variable: string
  /** Left out for a switch. */
  readonly value?: string
  readonly help: string
}

/** In the order of `--help`. */
export const startOptions = {
  tasks: { flag: "tasks", variable: "OUTRIGGER_TASKS", value: "FILE", help: "handlers to run (TypeScript, ESM or CommonJS); none: only the agent" },
  databaseUrl: { flag: "database-url", variable: "DATABASE_URL", value: "URL", help: "PostgreSQL to use; none: one of its own in the data folder" },
  schema: { flag: "schema", variable: "OUTRIGGER_SCHEMA", value: "NAME", help: "schema of the database in which it lies (outrigger)" },
  data: { flag: "data", variable: "OUTRIGGER_DATA", value: "FOLDER", help: "where that PostgreSQL lies (.outrigger)" },
  host: { flag: "host", variable: "OUTRIGGER_HOST", value: "HOST", help: "address to listen on (127.0.0.1)" },
  port: { flag: "port", variable: "OUTRIGGER_PORT", value: "PORT", help: "port to listen on (7700); 0 takes a free one" },
  token: { flag: "token", variable: "OUTRIGGER_TOKEN", value: "TOKEN", help: "what callers must send as bearer token; needed off loopback" },
  allowHosts: { flag: "allow-host", variable: "OUTRIGGER_ALLOW_HOSTS", value: "NAMES", help: "further names callers may use for it, separated by commas" },
  runners: { flag: "runners", variable: "OUTRIGGER_RUNNERS", value: "N", help: "runner processes (1)" },
  runnerMemory: { flag: "runner-memory", variable: "OUTRIGGER_RUNNER_MEMORY", value: "MB", help: "heap limit of each runner" },
  concurrency: { flag: "concurrency", variable: "OUTRIGGER_CONCURRENCY", value: "N", help: "tasks that each runner works on at once (100)" },
  taskTimeout: { flag: "task-timeout", variable: "OUTRIGGER_TASK_TIMEOUT", value: "TIME", help: "how long an attempt may take whose task says nothing else (15m)" },
  keepSucceeded: { flag: "keep-succeeded", variable: "OUTRIGGER_KEEP_SUCCEEDED", value: "TIME", help: "how long succeeded tasks are kept (7d)" },
  keepDead: { flag: "keep-dead", variable: "OUTRIGGER_KEEP_DEAD", value: "TIME", help: "how long dead and cancelled tasks are kept (30d)" },
  startupTimeout: { flag: "startup-timeout", variable: "OUTRIGGER_STARTUP_TIMEOUT", value: "TIME", help: "how long to wait for the database (60s)" },
  drainTimeout: { flag: "drain-timeout", variable: "OUTRIGGER_DRAIN_TIMEOUT", value: "TIME", help: "how long running tasks have at a stop (25s)" },
  killAfter: { flag: "kill-after", variable: "OUTRIGGER_KILL_AFTER", value: "TIME", help: "how long a task may block its runner, or outlive its timeout (10s)" },
  verbose: { flag: "verbose", variable: "OUTRIGGER_VERBOSE", help: "say more: routes with their rights, debug lines" }
} as const satisfies Record<keyof StartOptions, Option>

type Name = keyof StartOptions
export type Given = { readonly [K in Name]?: unknown }

/** Where a value came from, to name it in an error. */
interface Said {
  readonly value: unknown
  readonly from: string
}

const say = (name: Name, flags: Given, env: NodeJS.ProcessEnv, file: Given): Said | undefined => {
  const { flag, variable } = startOptions[name]
  if (flags[name] !== undefined) return { value: flags[name], from: `--${flag}` }
  // An empty variable counts as not there, as everywhere in containers; but an empty token is a mistake.
  const fromEnv = env[variable]
  if (fromEnv !== undefined && (fromEnv !== "" || name === "token")) return { value: fromEnv, from: variable }
  return file[name] === undefined ? undefined : { value: file[name], from: `"${name}" in the config file` }
}

const refuse = ({ from, value }: Said, allowed: string): never => {
  throw new UsageError(`${from} is ${JSON.stringify(value)}, but must be ${allowed}`)
}

const text = (said: Said | undefined, allowed: string): string | undefined =>
  said === undefined ? undefined : typeof said.value === "string" && said.value !== "" ? said.value : refuse(said, allowed)

const whole = (said: Said | undefined, otherwise: number, least: number, most: number): number => {
  if (said === undefined) return otherwise
  const value = typeof said.value === "string" && /^\d+$/.test(said.value) ? Number(said.value) : said.value
  return typeof value === "number" && Number.isInteger(value) && value >= least && value <= most
    ? value
    : refuse(said, `a whole number from ${least} to ${most}`)
}

const units: Readonly<Record<string, number>> = {
  ms: 1, s: 1000, second: 1000, m: 60_000, minute: 60_000, h: 3_600_000, hour: 3_600_000, d: 86_400_000, day: 86_400_000
}

/** How long a time may be, ms, and how that is said. */
interface Bounds {
  readonly least: number
  readonly most: number
  readonly allowed: string
}

const patience: Bounds = { least: 1, most: 3_600_000, allowed: "500ms, 25s or 2m, up to 60m" }
const attempt: Bounds = { least: 1, most: 20 * 86_400_000, allowed: "90s, 15m or 2h, up to 20d" }
const kept: Bounds = { least: 60_000, most: 3650 * 86_400_000, allowed: "12h or 90d, from 1m to 3650d" }

const time = <A>(said: Said | undefined, otherwise: A, { allowed, least, most }: Bounds = patience): number | A => {
  if (said === undefined) return otherwise
  const [, count, unit] = /^(\d+(?:\.\d+)?) *(ms|[smhd]|second|minute|hour|day)s?$/.exec(String(said.value)) ?? []
  const millis = Number(count) * (units[unit ?? ""] ?? Number.NaN)
  return millis >= least && millis <= most ? millis : refuse(said, `a time with its unit, such as ${allowed}`)
}

const yes = (said: Said | undefined): boolean => {
  if (said === undefined) return false
  if (said.value === true || said.value === "true" || said.value === "1") return true
  return said.value === false || said.value === "false" || said.value === "0" ? false : refuse(said, "true or false")
}

/** The URL of a database; throws `UsageError`, which does not repeat it. */
export const readDatabaseUrl = (said: Said | undefined): string | undefined => {
  const url = text(said, "a URL")
  if (url === undefined) return undefined
  if (URL.canParse(url) && /^postgres(?:ql)?:$/.test(new URL(url).protocol)) return url
  // It may hold a password: it is not repeated.
  throw new UsageError(`${said!.from} must be a URL such as postgres://user:password@host:5432/database`)
}

const list = (said: Said | undefined): ReadonlyArray<string> => {
  if (said === undefined) return []
  const names = Array.isArray(said.value) ? said.value : String(said.value).split(",")
  return names.map((name) => String(name).trim().toLowerCase()).filter((name) => name !== "")
}

const loopback: ReadonlyArray<string> = ["localhost", "::1"]
const isLoopback = (host: string): boolean => loopback.includes(host) || /^127(?:\.\d{1,3}){3}$/.test(host)

const token = (said: Said | undefined): string | undefined => {
  const given = text(said, "left out, or a secret that is not empty")
  if (given !== undefined && !/^[\x21-\x7e]+$/.test(given)) throw new UsageError(`${said!.from} must be printable ASCII without spaces: it travels in a header`)
  return given
}

/** Makes the options whole; throws `UsageError`, which names where the value came from. */
export const readStartOptions = (flags: Given, env: NodeJS.ProcessEnv, file: Given): StartOptions => {
  for (const name of Object.keys(file)) {
    if (!(name in startOptions)) throw new UsageError(`The config file has "${name}", which is no option; there are ${Object.keys(startOptions).join(", ")}`)
  }
  const said = (name: Name) => say(name, flags, env, file)
  const tasks = text(said("tasks"), "the name of a file")
  const options: StartOptions = {
    tasks: tasks === undefined ? undefined : resolve(tasks),
    databaseUrl: readDatabaseUrl(said("databaseUrl")),
    schema: text(said("schema"), "the name of a schema"),
    data: resolve(text(said("data"), "the name of a folder") ?? ".outrigger"),
    host: text(said("host"), "an address or a host name") ?? "127.0.0.1",
    port: whole(said("port"), 7700, 0, 65_535),
    token: token(said("token")),
    allowHosts: [...list(said("allowHosts")), hostname().toLowerCase()],
    runners: whole(said("runners"), 1, 1, 64),
    runnerMemory: said("runnerMemory") === undefined ? undefined : whole(said("runnerMemory"), 0, 16, 1_048_576),
    concurrency: said("concurrency") === undefined ? undefined : whole(said("concurrency"), 0, 1, 10_000),
    taskTimeout: time(said("taskTimeout"), undefined, attempt),
    keepSucceeded: time(said("keepSucceeded"), undefined, kept),
    keepDead: time(said("keepDead"), undefined, kept),
    startupTimeout: time(said("startupTimeout"), 60_000),
    drainTimeout: time(said("drainTimeout"), 25_000),
    killAfter: time(said("killAfter"), 10_000),
    verbose: yes(said("verbose"))
  }
  if (!isLoopback(options.host) && options.token === undefined) {
    throw new UsageError(`--host ${options.host} can be reached from elsewhere, so a token is needed: set OUTRIGGER_TOKEN (or --token), or listen on 127.0.0.1`)
  }
  return options
}
