/** SIGINT and SIGTERM from the first moment on: the first asks for a clean stop, the second forces the end. */

const codes = { SIGINT: 130, SIGTERM: 143 } as const

export type StopSignal = keyof typeof codes

/**
 * One Ctrl-C under `npm start` comes twice: from the terminal, and from npm, which hands it on. What follows this soon is the
 * same one, ms.
 */
const sameWithin = 500

let askedAt: number | undefined
let onStop: ((signal: StopSignal) => void) | undefined
const atForce: Array<() => void> = []

const receive = (signal: StopSignal) => {
  const now = performance.now()
  if (askedAt !== undefined) {
    if (now - askedAt < sameWithin) return
    for (const end of atForce) end()
    process.exit(codes[signal])
  }
  askedAt = now
  if (onStop === undefined) process.exit(0) // nothing runs yet that would have to be stopped
  onStop(signal)
}

/** Once, before anything else is loaded. */
export const watchSignals = (): void => {
  for (const signal of Object.keys(codes) as Array<StopSignal>) process.on(signal, () => receive(signal))
}

/** Who is told of the first signal from now on. */
export const whenAskedToStop = (stop: (signal: StopSignal) => void): void => {
  onStop = stop
}

/** What must not outlive a forced end; it has to be quick, and may not wait. */
export const whenForced = (end: () => void): void => {
  atForce.push(end)
}
