#!/usr/bin/env node
// Nothing is imported before Node's version is known: an import that fails would be all that an older Node says.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)
if (major < 22 || (major === 22 && minor < 19)) {
  console.error(`outrigger: this is Node ${process.versions.node}, and the sidecar needs 22.19 or later. Install a newer Node, or add one to this project: npm i -D node@24`)
  process.exit(1)
}
const { watchSignals } = await import("./cli/signals.ts")
watchSignals()
const { main } = await import("./cli/main.ts")
process.exit(await main(process.argv.slice(2)))
