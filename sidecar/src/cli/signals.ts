/** SIGINT and SIGTERM from the first moment on: the first asks for a clean stop, the second forces the end. */

export type StopSignal = "SIGINT" | "SIGTERM"

const codes = { SIGINT: 130, SIGTERM: 143 } as const

let asked = false
let onStop: ((signal: StopSignal) => void) | undefined
const atForce: Array<() => void> = []

const receive = (signal: StopSignal) => {
  if (asked) {
    for (const end of atForce) end()
    process.exit(codes[signal])
  }
  asked = true
  if (onStop === undefined) process.exit(0) // nothing runs yet that would have to be stopped
  onStop(signal)
}

/** Once, before anything else is loaded. */
export const watchSignals = (): void => {
  process.on("SIGINT", () => receive("SIGINT"))
  process.on("SIGTERM", () => receive("SIGTERM"))
}

/** Who is told of the first signal from now on. */
export const whenAskedToStop = (stop: (signal: StopSignal) => void): void => {
  onStop = stop
}

/** What must not outlive a forced end; it has to be quick, and may not wait. */
export const whenForced = (end: () => void): void => {
  atForce.push(end)
}
