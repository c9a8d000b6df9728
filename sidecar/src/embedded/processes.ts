/** What the operating system knows of a process: enough to tell a living one from a number that was used again. */
import { execFileSync } from "node:child_process"
import { readFileSync, readlinkSync } from "node:fs"

/** When a process began, as text that no other process of the same number has; undefined when there is none. */
export const birthOf = (pid: number): string | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ") // the name before may hold anything
    return fields[0] === "Z" ? undefined : fields[19] // starttime; a zombie is gone
  } catch {
    return process.platform === "linux" ? undefined : ps(pid, "lstart")
  }
}

const ps = (pid: number, field: string): string | undefined => {
  try {
    return execFileSync("ps", ["-o", `${field}=`, "-p", String(pid)], { encoding: "utf8" }).trim() || undefined
  } catch {
    return undefined
  }
}

/** Whether this process is a postmaster at work in this cluster: it makes the cluster its working directory. */
export const isPostmasterOf = (pid: number, cluster: string): boolean => {
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === cluster
  } catch {
    return process.platform !== "linux" && (ps(pid, "command") ?? "").includes(cluster)
  }
}
