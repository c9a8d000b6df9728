/** What `--help` prints. */
import { startOptions } from "./options.ts"

const optionLines = (): string =>
  Object.values(startOptions).map((option) => {
    const flag = `--${option.flag}${"value" in option ? ` ${option.value}` : ""}`
    return `  ${flag.padEnd(24)} ${option.help}\n${" ".repeat(27)}or ${option.variable}`
  }).join("\n")

export const help = (): string => `outrigger: durable tasks and a truthful /health beside your app

Usage
  outrigger start [options]          run the sidecar, until SIGINT or SIGTERM
  outrigger health [--url URL]       ask a sidecar; exit code 0 for pass and warn, 1 for fail or no answer
  outrigger doctor [--json]          look at the database: what slows it down, and what to do; exit code 0 when all is well
  outrigger --version, --help

Options of start; a flag wins over its variable, a variable over outrigger.config.ts
${optionLines()}

Options of health
  --url URL                http://127.0.0.1:7700 unless said
                           or OUTRIGGER_URL, or OUTRIGGER_HOST and OUTRIGGER_PORT
  --token TOKEN            to be told the failing checks
                           or OUTRIGGER_TOKEN

Options of doctor
  --database-url URL       the database to look at
                           or DATABASE_URL
  --schema NAME            outrigger unless said
                           or OUTRIGGER_SCHEMA
  --json                   for machines

Exit codes: 0 stopped cleanly, 1 failed, 2 wrong usage, 130 and 143 forced by a second signal
`
