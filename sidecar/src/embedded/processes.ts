/** What the operating system knows of a process: enough to tell a living one from a number that was given out again. */
import { execFileSync } from "node:child_process"
import { readdirSync, readFileSync, readlinkSync } from "node:fs"
import { basename } from "node:path"

const linux = process.platform === "linux"

/** Read once: ticks since the boot say nothing without the boot. */
let boot: string | undefined

/**
 * What tells a process from every other one that has, had or will have its number; undefined when it is gone. A zombie
 * is gone: it holds nothing any more.
 */
export const birthOf = (pid: number): string | undefined => {
  if (!linux) return ps(pid, "lstart")
  const [state, ...fields] = statOf(pid) ?? ["X"]
  if (state === "Z" || state === "X") return undefined
  boot ??= read("/proc/sys/kernel/random/boot_id")?.trim() ?? ""
  return `${boot}:${fields[18]}`
}

/** What a process is to a cluster. `unknown`: it lives, and we may not look. */
export type Role = "postmaster" | "none" | "unknown"

/**
 * Whether a process is the postmaster at work in this cluster. It has the cluster for its working directory; but a
 * container may forbid root to look there, while everybody may read a command line.
 */
export const roleOf = (pid: number, cluster: string): Role => {
  if (birthOf(pid) === undefined) return linux && statOf(pid) === undefined && exists(pid) ? "unknown" : "none"
  const at = link(pid, "cwd")
  if (at !== undefined) return at === cluster && isServer(pid) ? "postmaster" : "none"
  const command = linux ? read(`/proc/${pid}/cmdline`)?.replaceAll("\0", " ") : ps(pid, "command")
  if (command === undefined) return "unknown"
  if (command.includes(`postgres -D ${cluster} `)) return "postmaster"
  // One that was started by hand may name the folder in another way.
  return linux && /postgres .*-D [^/]/.test(command) ? "unknown" : "none"
}

/**
 * The server processes that a killed postmaster left behind. They end by themselves when they look up from their work,
 * which one in the middle of a long computation does not; until then they hold the cluster's shared memory, and none
 * can start.
 */
export const orphansIn = (cluster: string): ReadonlyArray<number> =>
  linux
    ? readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number)
      .filter((pid) => link(pid, "cwd") === cluster && isServer(pid))
    : []

/** Whether there is such a process, though we may be allowed to know no more of it. */
const exists = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
}

/** The state, and the fields after it. The name before them may hold anything. */
const statOf = (pid: number): ReadonlyArray<string> | undefined => {
  const stat = read(`/proc/${pid}/stat`)
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")
}

/**
 * Whether it runs a PostgreSQL server; of an installation that was removed meanwhile, " (deleted)" follows the name.
 */
const isServer = (pid: number): boolean => /^postgres( |$)/.test(basename(link(pid, "exe") ?? ""))

const read = (file: string): string | undefined => {
  try {
    return readFileSync(file, "utf8")
  } catch {
    return undefined
  }
}

const link = (pid: number, name: "cwd" | "exe"): string | undefined => {
  try {
    return readlinkSync(`/proc/${pid}/${name}`)
  } catch {
    return undefined
  }
}

const ps = (pid: number, field: string): string | undefined => {
  try {
    const environment = { ...process.env, LC_ALL: "C" }
    return execFileSync("ps", ["-o", `${field}=`, "-p", String(pid)], { encoding: "utf8", env: environment }).trim() || undefined
  } catch {
    return undefined
  }
}
